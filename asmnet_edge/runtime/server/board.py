"""The newest image and its facts, shared by one writer and many readers without a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from asmnet_edge.io.images import Picture, encode_image

CLIENTS = 8  # streams at once, as each costs CPU time
QUALITY = 80
STALE = 2.0  # seconds after which a result is not shown as the newest any more


class Board:
    """The newest image and its facts; readers that are slow miss some."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._picture: bytes | None = None
        self._facts: dict[str, Any] = {}
        self._time, self.number, self.watchers = -1e9, 0, 0

    def show(self, picture: Picture, facts: Mapping[str, Any], taken: float | None = None) -> None:
        """Publish ``picture`` (H, W, 3) BGR and ``facts``; encoded only if there is a client.

        taken : when the frame was taken, in seconds of `time.monotonic`; its age counts from there
        """
        encoded = encode_image(picture, ".jpg", QUALITY) if self.watchers else None
        with self._changed:
            self._picture, self._facts = encoded, dict(facts)
            self._time = time.monotonic() if taken is None else taken
            self.number += 1
            self._changed.notify_all()

    def facts(self) -> dict[str, Any]:
        """Return the newest facts and ``fresh``; facts older than `STALE` are left out."""
        with self._changed:
            age = time.monotonic() - self._time
            if age > STALE:
                return {"fresh": False, "faces": []}
            return {"fresh": True, "age": round(age, 3), **self._facts}

    def next_picture(self, after: int, seconds: float) -> tuple[int, bytes | None]:
        """Return number and JPEG of an image newer than ``after``; None if none came in time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.number > after and self._picture is not None, seconds
            )
            new = self.number > after
            return self.number, self._picture if new else None

    def watch(self, by: int) -> bool:
        """Count one stream in (+1) or out (-1); False if there are too many."""
        with self._changed:
            if by > 0 and self.watchers >= CLIENTS:
                return False
            self.watchers += by
            return True
