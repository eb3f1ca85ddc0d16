"""Notifications to systemd: sent by the loop, at most as often as needed, not while it hangs."""

import os
import socket
from pathlib import Path

import pytest

from asmnet_edge.runtime.monitoring import Watchdog


@pytest.fixture
def systemd(tmp_path: Path) -> socket.socket:
    """Where systemd would listen."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.setblocking(False)
    return listener


def heard(listener: socket.socket) -> list[str]:
    lines = []
    while True:
        try:
            lines.append(listener.recv(1000).decode())
        except BlockingIOError:
            return lines


def environment(listener: socket.socket, micros: int) -> dict[str, str]:
    return {"NOTIFY_SOCKET": listener.getsockname(), "WATCHDOG_USEC": str(micros)}


def test_ready_alive_and_stopping_are_sent(systemd: socket.socket) -> None:
    watchdog = Watchdog(environment(systemd, 10))
    watchdog.ready("running")
    watchdog.alive()
    watchdog.stopping()
    assert heard(systemd) == ["READY=1\nSTATUS=running", "WATCHDOG=1", "STOPPING=1"]


def test_notifications_are_sent_at_half_of_the_watchdog_limit(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("asmnet_edge.runtime.monitoring.time.monotonic", lambda: now)
    watchdog = Watchdog(environment(systemd, 10_000_000))
    for _ in range(1000):
        now += 0.02
        watchdog.alive()
    assert len(heard(systemd)) == 4  # at 0.02, 5.02, 10.02 and 15.02 s of 20


def test_without_a_call_there_is_no_ping(systemd: socket.socket) -> None:
    Watchdog(environment(systemd, 10))
    assert heard(systemd) == []


@pytest.mark.parametrize(
    "environment", [{}, {"NOTIFY_SOCKET": "/gone"}, {"NOTIFY_SOCKET": "@nobody-listens-here"}]
)
def test_without_a_listener_nothing_happens(environment: dict[str, str]) -> None:
    watchdog = Watchdog({**environment, "WATCHDOG_USEC": "100"})
    watchdog.ready()
    watchdog.alive()


def test_a_ping_meant_for_another_process_is_not_sent(systemd: socket.socket) -> None:
    meant = {**environment(systemd, 10), "WATCHDOG_PID": str(os.getpid() + 1)}
    Watchdog(meant).alive()
    assert heard(systemd) == []
