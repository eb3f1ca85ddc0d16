"""What the camera sees, in a browser: a page, MJPEG, and the newest faces as JSON.

Loopback asks for no token; on any other address nobody gets anything without one.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from asmnet_edge.errors import UsageError
from asmnet_edge.runtime.board import Board
from asmnet_edge.runtime.page import PAGE

BOUNDARY = "asmnet-edge-frame"


def is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Server:
    """Serves a `Board` in the background; port 0 takes any free one."""

    def __init__(
        self, board: Board, port: int, address: str = "127.0.0.1", token: str = ""
    ) -> None:
        if not token and not is_loopback(address):
            raise UsageError(
                f"whoever reaches {address} could watch",
                "Give --token WORD (or set ASMNET_EDGE_TOKEN), or serve on 127.0.0.1",
            )
        if token and len(token) < 8:
            raise UsageError("a token needs at least 8 characters")
        handler = type("BoardHandler", (_Handler,), {"board": board, "token": token,
                                                     "address": address})  # fmt: skip
        try:
            self._server = (_Quiet6 if ":" in address else _Quiet)((address, port), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"cannot serve on {address}:{port}: {reason}") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)
        self._thread.start()
        query = f"?token={token}" if token else ""
        shown = f"[{address}]" if ":" in address else address
        self.url = f"http://{shown}:{self._server.server_address[1]}/{query}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no news."""


class _Quiet6(_Quiet):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    board: Board
    token: str
    address: str
    timeout = 10  # seconds until a client that takes nothing is let go

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self._is_known_host() or not self._may(parse_qs(parts.query)):
            self._answer(403, "text/plain", b"token missing or wrong\n")
        elif parts.path == "/":
            query = f"?{parts.query}" if self.token else ""
            self._answer(200, "text/html; charset=utf-8", PAGE.format(query=_plain(query)).encode())
        elif parts.path == "/faces.json":
            self._answer(200, "application/json", json.dumps(self.board.facts()).encode())
        elif parts.path == "/stream.mjpg":
            self._stream()
        else:
            self._answer(404, "text/plain", b"there are /, /stream.mjpg and /faces.json\n")

    def _is_known_host(self) -> bool:
        """On loopback without a token, a page from elsewhere could point its name at us."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        return bool(self.token) or is_loopback(host)

    def _may(self, query: dict[str, list[str]]) -> bool:
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
        seen = self.board.number  # before it is counted in: what comes then is for it
        if not self.board.watch(+1):
            self._answer(503, "text/plain", b"too many are watching\n")
            return
        try:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self._parts(seen)
        except OSError:
            pass  # gone, or too slow
        finally:
            self.board.watch(-1)

    def _parts(self, number: int) -> None:
        while True:
            number, picture = self.board.next_picture(number, 5.0)
            if picture is None:
                self.wfile.write(f"--{BOUNDARY}\r\n\r\n".encode())  # notices who has gone
                continue
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}"
            self.wfile.write(f"{head}\r\n\r\n".encode() + picture + b"\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request would put its token into the journal."""


def _plain(query: str) -> str:
    """``query`` with nothing in it that could end an attribute or a string of the page."""
    return "".join(letter for letter in query if letter.isalnum() or letter in "?=&-_.%~")
