"""The page: fresh results only, nothing without the token, and clients that disconnect."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from urllib.parse import urlsplit

import numpy as np
import pytest

from asmnet_edge.errors import UsageError
from asmnet_edge.runtime.server import board as board_module
from asmnet_edge.runtime.server import server as server_module
from asmnet_edge.runtime.server.board import CLIENTS, Board
from asmnet_edge.runtime.server.server import Server, is_loopback

PICTURE = np.full((48, 64, 3), 90, np.uint8)
TOKEN = "a-word-that-is-long"


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def server(board: Board) -> Iterator[Server]:
    server = Server(board, 0)
    yield server
    server.close()


@pytest.fixture
def guarded(board: Board) -> Iterator[Server]:
    server = Server(board, 0, token=TOKEN)
    yield server
    server.close()


def get(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as a:
            return a.status, a.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_page_shows_the_stream(server: Server) -> None:
    code, page = get(server.url)
    assert code == 200
    assert b'src="stream.mjpg"' in page
    assert page.index(b'id="state"') < page.index(b'id="view"')  # seen without scrolling


def test_faces_are_served_while_they_are_fresh(
    server: Server, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads(get(server.url + "faces.json")[1]) == {"fresh": False, "faces": []}
    board.show(PICTURE, {"frame": 7, "faces": [1]})
    facts = json.loads(get(server.url + "faces.json")[1])
    assert (facts["fresh"], facts["frame"], facts["faces"]) == (True, 7, [1])
    monkeypatch.setattr(board_module, "STALE", 0.05)
    time.sleep(0.1)
    assert json.loads(get(server.url + "faces.json")[1]) == {"fresh": False, "faces": []}


def test_the_age_counts_from_when_the_frame_was_taken(server: Server, board: Board) -> None:
    board.show(PICTURE, {}, time.monotonic() - 1.5)
    assert json.loads(get(server.url + "faces.json")[1])["age"] >= 1.5
    board.show(PICTURE, {}, time.monotonic() - 3)
    assert not json.loads(get(server.url + "faces.json")[1])["fresh"]


def test_the_stream_is_made_of_jpegs(server: Server, board: Board) -> None:
    with urllib.request.urlopen(server.url + "stream.mjpg", timeout=5) as stream:
        while not board.watchers:
            time.sleep(0.01)
        board.show(PICTURE, {})
        assert stream.readline().startswith(b"--")
        assert stream.readline() == b"Content-Type: image/jpeg\r\n"
        length = int(stream.readline().split()[1])
        assert stream.readline() == b"\r\n"
        assert stream.read(length).startswith(b"\xff\xd8")


def test_without_a_client_nothing_is_encoded(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "encode_image", lambda *_: pytest.fail("encoded"))
    board.show(PICTURE, {})


def test_a_client_that_disconnects_is_counted_out(server: Server, board: Board) -> None:
    stream = urllib.request.urlopen(server.url + "stream.mjpg", timeout=5)
    while not board.watchers:
        time.sleep(0.01)
    stream.close()
    end = time.monotonic() + 5
    while board.watchers and time.monotonic() < end:
        board.show(PICTURE, {})
        time.sleep(0.02)
    assert board.watchers == 0


def test_a_client_that_disconnects_while_no_picture_comes_is_counted_out(
    server: Server, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SILENCE", 0.05)
    stays, leaves = (urllib.request.urlopen(server.url + "stream.mjpg", timeout=5) for _ in "ab")
    leaves.close()
    end = time.monotonic() + 5
    while board.watchers != 1 and time.monotonic() < end:
        time.sleep(0.02)
    assert board.watchers == 1
    board.show(PICTURE, {})
    first = [stays.readline() for _ in range(2)]
    assert first == [b"--asmnet-edge-frame\r\n", b"Content-Type: image/jpeg\r\n"]
    stays.close()


def test_the_number_of_streams_is_limited(server: Server, board: Board) -> None:
    board.watchers = CLIENTS
    assert get(server.url + "stream.mjpg") == (503, b"8 clients are watching, which is the limit\n")


@pytest.mark.parametrize("path", ["", "faces.json", "stream.mjpg"])
def test_without_the_token_nothing_is_served(guarded: Server, path: str) -> None:
    base = guarded.url.partition("?")[0]
    assert get(base + path)[0] == 403
    assert get(f"{base}{path}?token=wrong")[0] == 403


@pytest.mark.parametrize("token", [TOKEN, "a+b/c&d#e%f=g h", '"><script>é', "{query}{{"])
def test_with_the_token_page_and_faces_are_served(board: Board, token: str) -> None:
    server = Server(board, 0, token=token)
    code, page = get(server.url)
    assert code == 200
    assert b"<script>\xc3" not in page
    stream = page.decode().partition('src="stream.mjpg')[2].partition('"')[0]
    base = server.url.partition("?")[0]
    assert get(f"{base}faces.json{stream}")[0] == 200
    server.close()


def test_a_header_with_the_token_gets_a_page_that_works(guarded: Server) -> None:
    base = guarded.url.partition("?")[0]
    code, page = get(base, Authorization=f"Bearer {TOKEN}")
    assert code == 200
    assert f"stream.mjpg?token={TOKEN}".encode() in page


def test_a_query_cannot_write_into_the_page(guarded: Server) -> None:
    code, page = get(guarded.url + '&x="><script>alert(1)</script>'.replace(" ", ""))
    assert code == 200
    assert b"alert(1)" not in page


def test_a_foreign_host_name_is_refused(server: Server) -> None:
    code, answer = get(server.url + "faces.json", Host="evil.example")
    assert code == 403
    assert b"--token" in answer


@pytest.mark.parametrize("host", ["[", "[::1", "::1]]"])
def test_a_malformed_host_is_refused(server: Server, host: str) -> None:
    assert get(server.url, Host=host)[0] in (400, 403)


def opened(server: Server, stack: ExitStack) -> socket.socket:
    parts = urlsplit(server.url)
    assert parts.hostname and parts.port
    return stack.enter_context(socket.create_connection((parts.hostname, parts.port), 5))


def answers(server: Server, seconds: float) -> bool:
    """Return whether the page is served again within ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError, HTTPException):
            return get(server.url)[0] == 200
        time.sleep(0.05)
    return False


def test_silent_connections_are_limited(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS", 4)
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.5)
    server = Server(board, 0)
    before = threading.active_count()
    with ExitStack() as stack:
        for _ in range(60):
            opened(server, stack)
            assert threading.active_count() - before <= 4
        assert answers(server, 5)  # while they are still there
    server.close()


def test_a_byte_now_and_then_does_not_hold_a_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.3)
    with ExitStack() as stack:
        slow, start = opened(server, stack), time.monotonic()
        slow.settimeout(0.05)
        while time.monotonic() - start < 5:
            try:
                slow.send(b"G")
                if not slow.recv(100):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - start < 2


def test_other_paths_are_not_found(server: Server) -> None:
    assert get(server.url + "etc/passwd")[0] == 404


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.2", "::"])
def test_off_loopback_a_token_is_required(board: Board, address: str) -> None:
    with pytest.raises(UsageError, match="--token"):
        Server(board, 0, address)


def test_a_short_token_is_refused(board: Board) -> None:
    with pytest.raises(UsageError, match="8 characters"):
        Server(board, 0, token="secret")


def test_a_port_in_use_is_reported(server: Server, board: Board) -> None:
    port = int(server.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(UsageError, match=f"cannot serve on 127.0.0.1:{port}"):
        Server(board, port)


def test_loopback_of_ipv6_is_served(board: Board) -> None:
    try:
        server = Server(board, 0, "::1")
    except UsageError:
        pytest.skip("no IPv6 here")
    assert get(server.url)[0] == 200
    server.close()


def test_loopback_has_several_names() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.9.1", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "10.0.0.1", "example.org", "")))
