"""The frame loop: it notifies the watchdog while it runs, and detects again after a pause."""

import socket
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.runtime.cameras.camera import Camera, CameraRule
from asmnet_edge.runtime.frame_loop import StageTimes, follow
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker
from asmnet_edge.runtime.monitoring import Watchdog
from asmnet_edge.runtime.sources import Frame, at_pace
from asmnet_edge.runtime.tracker import FaceTracker

GREY = np.full((48, 64, 3), 128, np.uint8)
PAUSE = 0.05  # seconds between pings


@pytest.fixture
def tracker(artifact: Callable) -> FaceTracker:
    landmarker = FaceLandmarker(artifact(lambda crop: np.zeros((68, 2))), lambda picture: [])
    return FaceTracker(landmarker)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.setblocking(False)
    return listener


@pytest.fixture
def watchdog(systemd: socket.socket) -> Watchdog:
    micros = str(int(2e6 * PAUSE))
    return Watchdog({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": micros})


def pings(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            count += listener.recv(100) == b"WATCHDOG=1"
        except BlockingIOError:
            return count


def frames(count: int, pause: float = 0.0) -> Iterator[Frame]:
    for number in range(count):
        time.sleep(pause)
        yield Frame(GREY, number / 30, number + 1)


def test_the_watchdog_is_notified_while_the_camera_is_gone(
    tracker: FaceTracker, watchdog: Watchdog, systemd: socket.socket
) -> None:
    rule = CameraRule(retry=0.05, longest=0.1, tick=0.02)
    with Camera("/dev/video-none", rule=rule, command=["false"]) as camera:
        end = time.monotonic() + 1.0
        turns = camera.frames(lambda: time.monotonic() > end)
        follow(turns, tracker, [], StageTimes(), tick=watchdog.alive)
    assert pings(systemd) >= 8


def test_notifications_stop_when_the_loop_hangs(
    tracker: FaceTracker, watchdog: Watchdog, systemd: socket.socket
) -> None:
    during: list[int] = []

    def hang_at_the_tenth(frame: Frame, faces: object, drawn: object) -> None:
        if frame.number == 10:
            pings(systemd)
            time.sleep(8 * PAUSE)
            during.append(pings(systemd))

    turns = frames(20, pause=PAUSE)
    follow(turns, tracker, [hang_at_the_tenth], StageTimes(), tick=watchdog.alive)
    assert during == [0]
    assert pings(systemd) >= 4  # it goes on with the loop


def test_nothing_is_drawn_unless_requested(tracker: FaceTracker) -> None:
    seen: list[object] = []
    follow(frames(2), tracker, [lambda f, faces, drawn: seen.append(drawn)], StageTimes())
    assert seen == [None, None]
    follow(frames(1), tracker, [lambda f, faces, drawn: seen.append(drawn)], StageTimes(),
           lambda: True)  # fmt: skip
    assert isinstance(seen[-1], np.ndarray)


def test_after_a_pause_faces_are_detected_again(
    tracker: FaceTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[float] = []
    now = 0.0
    monkeypatch.setattr(tracker, "forget", lambda: forgotten.append(now))

    def turns() -> Iterator[Frame | None]:
        nonlocal now
        for now in (0.0, 0.1, 0.2, 5.0, 5.1):
            yield Frame(GREY, now, 1)
            yield None

    follow(turns(), tracker, [], StageTimes())
    assert forgotten == [5.0]


def test_slow_processing_is_no_pause(tracker: FaceTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[int] = []
    monkeypatch.setattr(tracker, "forget", lambda: forgotten.append(1))
    frames = [Frame(GREY, 1.1 * number, number) for number in range(1, 4)]
    follow(iter(frames), tracker, [lambda *_: time.sleep(0.2)], StageTimes())
    assert forgotten == []
    follow(iter(frames), tracker, [], StageTimes())
    assert forgotten == [1, 1]


def test_a_video_that_restarts_is_detected_again(
    tracker: FaceTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    monkeypatch.setattr(tracker, "forget", lambda: forgotten.append(1))
    follow(chain(frames(3), frames(3)), tracker, [], StageTimes())
    assert forgotten == [1]


def test_a_video_at_its_pace_loses_no_frame_and_takes_its_time() -> None:
    start = time.monotonic()
    shown = [frame for frame in at_pace(frames(10), 100) if frame]
    assert [frame.number for frame in shown] == list(range(1, 11))
    assert time.monotonic() - start > 0.09


def test_stages_are_timed(tracker: FaceTracker) -> None:
    times = StageTimes()
    faces: list[list[Face]] = []
    follow(frames(5, 0.01), tracker, [lambda f, found, drawn: faces.append(list(found))], times)
    assert times.pictures == len(faces) == 5
    assert 9 < (times.percentile("read", 50) or 0) < 100
