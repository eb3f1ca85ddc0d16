"""The HTTP server of a stream: a page, MJPEG, and the newest faces as JSON.

It limits the connections, and the time that a request may take to arrive.
"""

from __future__ import annotations

import hmac
import io
import ipaddress
import json
import socket
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from select import select
from socket import MSG_PEEK
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from asmnet_edge.errors import UsageError
from asmnet_edge.runtime.server.board import CLIENTS, Board

CONNECTIONS = 32  # at once; each costs a thread and a descriptor
HEAD_SECONDS = 5.0  # until the whole head of a request must be there


class BoundedServer(ThreadingHTTPServer):
    """One thread for each connection, at most ``CONNECTIONS``; further ones are closed at once.

    The accept loop never waits for a client, and disconnects are not printed.
    """

    daemon_threads = True
    request_queue_size = 128  # waiting in the kernel for the accept loop

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a browser that disconnects is no error."""


class BoundedServer6(BoundedServer):
    """`BoundedServer` for IPv6 addresses."""

    address_family = socket.AF_INET6


class TimelyReader(io.RawIOBase):
    """Reader of ``connection`` with one deadline, ``seconds`` from now; then `TimeoutError`.

    A time limit on each read alone would let a byte now and then hold the connection for ever.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection, self._end = connection, time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


# The page, the stream and the faces

BOUNDARY = "asmnet-edge-frame"
SILENCE = 5.0  # seconds without a picture after which the client's connection is checked
FOREIGN = b"""Without a token this page is shown under the names of this machine itself only.
Open http://127.0.0.1 with its port (from elsewhere: ssh -L), or start it with --token WORD.
"""


def is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Server:
    """Serves a `Board` in the background; port 0 takes any free one.

    On a loopback address the token is optional. On any other address it is required. With a token,
    every request needs it.
    """

    def __init__(
        self, board: Board, port: int, address: str = "127.0.0.1", token: str = ""
    ) -> None:
        if not token and not is_loopback(address):
            raise UsageError(
                f"everybody who can reach {address} could watch",
                "Give --token WORD (or set ASMNET_EDGE_TOKEN), or serve on 127.0.0.1",
            )
        if token and len(token) < 8:
            raise UsageError("a token needs at least 8 characters")
        handler = type("BoardHandler", (_Handler,), {"board": board, "token": token,
                                                     "address": address})  # fmt: skip
        try:
            kind = BoundedServer6 if ":" in address else BoundedServer
            self._server = kind((address, port), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"cannot serve on {address}:{port}: {reason}") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)
        self._thread.start()
        shown = f"[{address}]" if ":" in address else address
        self.url = f"http://{shown}:{self._server.server_address[1]}/{_query(token)}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@cache
def _page() -> str:
    """Return the page; ``@QUERY@`` is replaced by the query with the token.

    A browser shows the last image of a stream for ever once it ends or stalls, without a sign. The
    page therefore requests the stream again when it breaks, when the page comes back into view, and
    when its own clock has stood still (a notebook that slept).
    """
    page = resources.files("asmnet_edge") / "assets" / "stream_page.html"
    return page.read_text(encoding="utf-8")


def _query(token: str) -> str:
    """Return the query of an address with ``token``, quoted so that no HTML attribute can end."""
    return f"?token={quote(token, safe='')}" if token else ""


class _Handler(BaseHTTPRequestHandler):
    board: Board
    token: str
    address: str
    timeout = 10  # seconds without a read after which a client is disconnected

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(TimelyReader(self.connection, HEAD_SECONDS))

    def do_GET(self) -> None:
        self.connection.settimeout(self.timeout)
        try:
            parts = urlsplit(self.path)
            known = self._is_known_host()
        except ValueError:  # brackets that are no IPv6 address
            self._answer(400, "text/plain", b"malformed address\n")
            return
        if not known:
            self._answer(403, "text/plain", FOREIGN)
        elif not self._is_authorised(parse_qs(parts.query)):
            self._answer(403, "text/plain", b"token missing or wrong\n")
        elif parts.path == "/":
            page = _page().replace("@QUERY@", _query(self.token))
            self._answer(200, "text/html; charset=utf-8", page.encode())
        elif parts.path == "/faces.json":
            self._answer(200, "application/json", json.dumps(self.board.facts()).encode())
        elif parts.path == "/stream.mjpg":
            self._stream()
        else:
            self._answer(
                404, "text/plain", b"not found; there are /, /stream.mjpg and /faces.json\n"
            )

    def _is_known_host(self) -> bool:
        """Return whether the Host header is ours: without a token DNS rebinding must not pass."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        return bool(self.token) or is_loopback(host)

    def _is_authorised(self, query: dict[str, list[str]]) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        given = query.get("token", [given])[0]
        return not self.token or hmac.compare_digest(given.encode(), self.token.encode())

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        number = self.board.number  # before the client is counted: it gets all later ones
        if not self.board.watch(+1):
            self._answer(
                503, "text/plain", f"{CLIENTS} clients are watching, which is the limit\n".encode()
            )
            return
        try:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self._parts(number)
        except OSError:
            pass  # gone, or too slow
        finally:
            self.board.watch(-1)

    def _parts(self, number: int) -> None:
        while True:
            number, picture = self.board.next_picture(number, SILENCE)
            if picture is None:
                if self._is_gone():
                    return
                continue
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}"
            self.wfile.write(f"{head}\r\n\r\n".encode() + picture + b"\r\n")

    def _is_gone(self) -> bool:
        """Check without writing: browsers take an empty part for a broken picture and stop."""
        readable, _, _ = select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, MSG_PEEK)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a request would put its token into the journal."""
