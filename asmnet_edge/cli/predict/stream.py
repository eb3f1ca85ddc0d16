"""``asmnet-edge predict`` on a video file or a camera."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asmnet_edge.cli.plain import note, stop_requests
from asmnet_edge.errors import UsageError

if TYPE_CHECKING:
    from asmnet_edge.cli.predict.wish import Wish

SHOWN_EVERY = 1.0  # seconds between lines on a terminal
HEALTH_EVERY = 10.0  # seconds between looks at temperature and throttling


def predict_video(wish: Wish) -> None:
    """A video file becomes a drawn one and a line of JSON a frame."""
    from asmnet_edge.files import make_folder, refuse_existing, staged
    from asmnet_edge.runtime.sources import Video, video_writer

    source = Path(wish.sources[0])
    drawn, lines = (wish.output / f"{source.stem}-faces{end}" for end in (".mp4", ".jsonl"))
    records = wish.records or lines
    refuse_existing([*([drawn] if wish.drawing else []), records], wish.overwrite)
    video = Video(source)
    make_folder(wish.output)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_requests())
        sinks = []
        if wish.drawing:
            place = stack.enter_context(staged(drawn))
            writer = stack.enter_context(video_writer(place, video.rate, video.size))
            sinks.append(lambda frame, faces, picture: writer.write(picture))
        loop = _Loop(wish, stack, records, sinks, draws=wish.drawing)
        loop.run(islice(video.frames(stop), wish.frames), video.count)
    note(f"{'stopped early: ' if stop() else ''}written: {records}"
         f"{f', {drawn}' if wish.drawing else ''}")  # fmt: skip


def predict_camera(wish: Wish) -> None:
    """A camera, until Ctrl-C or ``--frames``: served, recorded, printed."""
    from asmnet_edge.files import refuse_existing
    from asmnet_edge.runtime.camera import Camera

    refuse_existing([wish.records] if wish.records else [], wish.overwrite)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_requests())
        loop = _Loop(wish, stack, wish.records, [])
        camera = stack.enter_context(Camera(wish.sources[0], _wanted(wish), tell=note))
        loop.run(_limited(camera.frames(stop), wish.frames), 0)


def _wanted(wish: Wish) -> tuple[int, int, int]:
    if not wish.size:
        return 0, 0, wish.fps
    width, cross, height = wish.size.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UsageError(f"a size looks like 640x480, got {wish.size!r}")
    return int(width), int(height), wish.fps


def _limited(frames: Iterator[Any], count: int | None) -> Iterator[Any]:
    """``frames`` until that many came; what is None does not count."""
    for frame in frames:
        yield frame
        if frame is not None and count is not None and frame.number >= count:
            return


class _Loop:
    """What both have in common: the tracker, where results go, and what a person sees."""

    def __init__(
        self, wish: Wish, stack: ExitStack, records: Path | None, sinks: list[Any],
        draws: bool = False,
    ) -> None:  # fmt: skip
        from asmnet_edge.runtime.records import open_records
        from asmnet_edge.runtime.stages import StageTimes
        from asmnet_edge.runtime.tracking import FaceTracker, TrackingRule
        from asmnet_edge.runtime.watchdog import Watchdog

        landmarker = wish.open_landmarker(quick=True)
        self._tracker = FaceTracker(landmarker, TrackingRule(faces=wish.faces), wish.smooth)
        self._times, self._watchdog, self._sinks = StageTimes(), Watchdog(), sinks
        self._draws: Callable[[], bool] = lambda: draws
        self._shown = self._looked = time.monotonic()
        self._throttled = False
        if records:
            record = stack.enter_context(open_records(records))
            sinks.append(lambda frame, faces, _: record(_facts(frame), faces))
        if wish.as_json:
            sinks.append(_print)
        if wish.serve is not None:
            self._serve(wish, stack, draws)

    def _serve(self, wish: Wish, stack: ExitStack, draws: bool) -> None:
        from asmnet_edge.runtime.board import Board
        from asmnet_edge.runtime.serve import Server

        board = Board()
        assert wish.serve is not None
        server = Server(board, wish.serve, wish.address, wish.token)
        stack.callback(server.close)
        note(f"watch at {server.url}" if sys.stderr.isatty() or not wish.token
             else f"serving on {wish.address}")  # fmt: skip
        self._draws = lambda: draws or board.watchers > 0

        def show(frame: Any, faces: Sequence[Any], drawn: Any) -> None:
            content = [face.as_json() for face in faces]
            rate = round(self._times.per_second, 1)
            board.show(drawn if drawn is not None else frame.picture,
                       {**_facts(frame), "per_second": rate, "faces": content})  # fmt: skip

        self._sinks.append(show)

    def run(self, frames: Iterator[Any], count: int) -> None:
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

    def _tick(self, count: int) -> None:
        """In each turn of the loop: a sign of life, and now and then a line and a look around."""
        self._watchdog.alive()
        now = time.monotonic()
        if now - self._shown >= SHOWN_EVERY and sys.stderr.isatty():
            self._shown = now
            total = f" of {count}" if count else ""
            rate = self._times.per_second
            click.echo(f"\r{self._times.pictures}{total} pictures, {rate:.1f} a second   ",
                       nl=False, err=True)  # fmt: skip
        if now - self._looked >= HEALTH_EVERY:
            self._looked = now
            self._look_at_health()

    def _look_at_health(self) -> None:
        """Says once that the board is throttled, and once that it is over."""
        from asmnet_edge.runtime.health import throttling

        reasons = throttling()
        if bool(reasons) != self._throttled:
            self._throttled = bool(reasons)
            note(f"the board is slowed down: {', '.join(reasons)}" if reasons
                 else "the board runs at full speed again")  # fmt: skip


def _facts(frame: Any) -> dict[str, Any]:
    return {"frame": frame.number, "seconds": round(frame.seconds, 4)}


def _print(frame: Any, faces: Sequence[Any], _: Any) -> None:
    content = {**_facts(frame), "faces": [face.as_json() for face in faces]}
    click.echo(json.dumps(content))
