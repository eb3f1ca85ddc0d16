"""A small HTTP server that strangers cannot exhaust: so many connections, so long for a request."""

from __future__ import annotations

import io
import socket
import threading
import time
from http.server import ThreadingHTTPServer
from typing import Any

CONNECTIONS = 32  # at once; each costs a thread and a descriptor
HEAD_SECONDS = 5.0  # until the whole head of a request must be there


class BoundedServer(ThreadingHTTPServer):
    """A thread for each connection, but never more than ``CONNECTIONS``: what is over is closed.

    Its loop never waits for a client, and prints nothing of those who go away.
    """

    daemon_threads = True
    request_queue_size = 128  # that the kernel keeps until the loop comes to them

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
        """A browser that goes away is no news."""


class BoundedServer6(BoundedServer):
    """The same for addresses of IPv6."""

    address_family = socket.AF_INET6


class TimelyReader(io.RawIOBase):
    """What ``connection`` sends within ``seconds`` from now; then `TimeoutError`.

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
