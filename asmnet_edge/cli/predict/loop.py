"""What videos and cameras have in common: the tracker, where results go, what a person sees."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from asmnet_edge.cli.plain import note

if TYPE_CHECKING:
    from asmnet_edge.cli.predict.wish import Wish

SHOWN_EVERY = 1.0  # seconds between lines on a terminal
NOW = 60  # pictures that the rate is shown of
HEALTH_EVERY = 10.0  # seconds between looks at temperature and throttling
THROTTLING_EVERY = 3600.0  # seconds between lines about throttling, which may come and go


class Loop:
    """Follows faces from frame to frame and hands them on.

    live : the frames are a camera's: their time is the clock's, a table is gone on with, and one
    that can no longer be written ends nothing
    """

    def __init__(
        self, wish: Wish, stack: ExitStack, records: Path | None, sinks: list[Any],
        draws: bool = False, live: bool = False,
    ) -> None:  # fmt: skip
        from asmnet_edge.runtime.stages import StageTimes
        from asmnet_edge.runtime.tracking import FaceTracker, TrackingRule
        from asmnet_edge.runtime.watchdog import Watchdog

        (landmarker,) = wish.open_landmarkers(1, quick=True)
        self._tracker = FaceTracker(landmarker, TrackingRule(faces=wish.faces), wish.smooth)
        self._times, self._watchdog, self._sinks = StageTimes(), Watchdog(), sinks
        self._draws: Callable[[], bool] = lambda: draws
        self._is_watched: Callable[[], bool] = lambda: False
        self._page: list[Any] = []  # of the sinks, what shows them
        self._facts = _live_facts if live else _facts
        self._shown = self._looked = time.monotonic()
        self._throttled, self._quiet_until = False, -1e9
        if records:
            self._record(stack, records, live and not wish.overwrite, live)
        if wish.as_json:
            sinks.append(self._print)
        if wish.serve is not None:
            self._serve(wish, stack, draws, live)

    def _record(self, stack: ExitStack, records: Path, append: bool, live: bool) -> None:
        from asmnet_edge.runtime.records import open_records, until_it_fails

        record = stack.enter_context(open_records(records, append))
        record = until_it_fails(record, note) if live else record
        self._sinks.append(lambda frame, faces, _: record(self._facts(frame), faces))

    def _print(self, frame: Any, faces: Sequence[Any], _: Any) -> None:
        content = {**self._facts(frame), "faces": [face.as_json() for face in faces]}
        click.echo(json.dumps(content))

    def _serve(self, wish: Wish, stack: ExitStack, draws: bool, live: bool) -> None:
        from asmnet_edge.runtime.serving.board import Board
        from asmnet_edge.runtime.serving.serve import Server

        board = Board()
        assert wish.serve is not None
        server = Server(board, wish.serve, wish.address, wish.token)
        stack.callback(server.close)
        note(f"watch at {server.url}" if sys.stderr.isatty() or not wish.token
             else f"serving on {wish.address}, port {urlsplit(server.url).port}")  # fmt: skip
        self._is_watched = lambda: board.watchers > 0
        self._draws = lambda: draws or self._is_watched()

        def show(frame: Any, faces: Sequence[Any], drawn: Any) -> None:
            content = [face.as_json() for face in faces]
            rate = round(self._times.recent(NOW), 1)
            board.show(drawn if drawn is not None else frame.picture,
                       {**self._facts(frame), "per_second": rate, "faces": content},
                       taken=frame.seconds if live else None)  # fmt: skip

        self._page = [show]
        self._sinks.append(show)

    @property
    def pictures(self) -> int:
        """That came so far."""
        return self._times.pictures

    def run(self, frames: Iterator[Any], count: int) -> None:
        """Until there are no more frames; ``count`` of them, about, if that is known."""
        from asmnet_edge.runtime.stream import follow

        self._watchdog.ready("running")
        try:
            follow(frames, self._tracker, self._sinks, self._times, self._draws,
                   lambda: self._tick(count))  # fmt: skip
        finally:
            self._watchdog.stopping()
            if sys.stderr.isatty():
                note("")
            note(self._times.line())

    def show(self, frames: Iterator[Any]) -> None:
        """On the page only: recorded, printed, counted in a summary is nothing."""
        from asmnet_edge.runtime.stream import follow

        follow(frames, self._tracker, self._page, self._times, self._is_watched,
               lambda: self._tick(0))  # fmt: skip

    def _tick(self, count: int) -> None:
        """In each turn of the loop: a sign of life, and now and then a line and a look around."""
        self._watchdog.alive()
        now = time.monotonic()
        if now - self._shown >= SHOWN_EVERY and sys.stderr.isatty():
            self._shown = now
            total = f" of {count}" if count else ""
            rate = self._times.recent(NOW)
            click.echo(f"\r{self._times.pictures}{total} pictures, {rate:.1f} a second   ",
                       nl=False, err=True)  # fmt: skip
        if now - self._looked >= HEALTH_EVERY:
            self._looked = now
            self.look_at_health(now)

    def look_at_health(self, now: float) -> None:
        """Says that the board is throttled, and that it is over; at most once an hour."""
        from asmnet_edge.runtime.health import throttling

        reasons = throttling()
        if bool(reasons) != self._throttled and now >= self._quiet_until:
            self._throttled, self._quiet_until = bool(reasons), now + THROTTLING_EVERY
            note(f"the board is slowed down: {', '.join(reasons)}" if reasons
                 else "the board runs at full speed again")  # fmt: skip


def _facts(frame: Any) -> dict[str, Any]:
    return {"frame": frame.number, "seconds": round(frame.seconds, 4)}


def _live_facts(frame: Any) -> dict[str, Any]:
    """With the time of day (UTC, ISO 8601) when the frame was taken: it outlasts a restart."""
    taken = datetime.now(UTC) - timedelta(seconds=time.monotonic() - frame.seconds)
    return {**_facts(frame), "time": taken.isoformat(timespec="milliseconds")}
