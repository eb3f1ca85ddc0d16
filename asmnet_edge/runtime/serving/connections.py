"""An HTTP server that limits its connections and how long a request may take to arrive."""

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
