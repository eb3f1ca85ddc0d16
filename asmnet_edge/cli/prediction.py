"""Runs of ``asmnet-edge predict`` on pictures, a video or a camera, and what they print."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asmnet_edge.cli.console import note, stop_requests
from asmnet_edge.errors import CheckFailedError, PictureError, UsageError

if TYPE_CHECKING:  # imported where they are used: help starts without NumPy
    from asmnet_edge.runtime.frame_loop import Sink, StageTimes
    from asmnet_edge.runtime.image_pipeline import ImageResult
    from asmnet_edge.runtime.pipeline import Pipeline
    from asmnet_edge.runtime.stream_pipeline import StreamOutputs

PROGRESS_EVERY = 1.0  # seconds between progress lines on a terminal
RECENT = 60  # frames over which the rate is shown


@dataclass(frozen=True, eq=False, repr=False)  # without these methods the module loads faster
class Prediction:
    """Runs ``pipeline`` with the options of the command line, which are described there."""

    pipeline: Pipeline
    output: Path
    records: Path | None
    drawing: bool
    jobs: int
    size: str
    fps: int
    frames: int | None
    wait: bool
    serve: int | None
    address: str
    token: str
    overwrite: bool
    as_json: bool

    def __post_init__(self) -> None:
        parse_size(self.size)

    def pictures(self, sources: Sequence[str]) -> None:
        """Process every picture that can be read; `CheckFailedError` if there were others."""
        from asmnet_edge.runtime.image_pipeline import ImageOutputs
        from asmnet_edge.runtime.sources import pictures_in

        if self.serve is not None:
            raise UsageError("--serve shows a video or a camera, no pictures", "Leave it out")
        count, done, unread = len(pictures_in(sources)), 0, []
        outputs = ImageOutputs(self.output, self.drawing, self.records, self.overwrite)
        with stop_requests() as stop:
            results = self.pipeline.images(sources, outputs, self.jobs, stop)
            for done, result in enumerate(results, 1):
                if result.error:
                    unread.append(result.error)
                    continue
                click.echo(json.dumps(result.facts) if self.as_json else summary(result))
                if sys.stderr.isatty() and count > 1:
                    click.echo(f"{done} of {count}\r", nl=False, err=True)
        if done < count:
            raise KeyboardInterrupt
        if count > 1 and self.pipeline.times.pictures:
            note(self.pipeline.times.line())
        report_unread(unread, count)

    def video(self, source: Path) -> None:
        """Write an annotated video and a line of JSON a frame; with --serve, show it in a loop.

        `CheckFailedError` for a video that is cut off, `KeyboardInterrupt` where the user stopped
        it; what was written until then is kept.
        """
        video, lines = (self.output / f"{source.stem}-faces{end}" for end in (".mp4", ".jsonl"))
        written = [self.records or lines, *([video] if self.drawing else [])]
        outputs = self._outputs(video if self.drawing else None, written[0])
        with stop_requests() as stop:
            summary = self.pipeline.video(source, outputs, stop)
            note(f"{'stopped early: ' if summary.stopped else ''}"
                 f"written: {', '.join(map(str, written))}")  # fmt: skip
            if outputs.server and outputs.frames is None and not summary.stopped:
                note("shown in a loop until Ctrl-C")
                self.pipeline.replay(source, stop)
        if summary.resized:
            note(f"{summary.resized} frames have another size than the first: "
                 "drawn ones were stretched")  # fmt: skip
        if summary.stopped:
            raise KeyboardInterrupt
        if summary.ended_early:
            raise CheckFailedError(
                f"{source} ended after {summary.frames} of about {summary.expected} frames",
                "It is cut off or broken: copy it once more",
            )

    def camera(self, source: str) -> None:
        """Serve, record and print a camera's frames until Ctrl-C or ``--frames``."""
        from asmnet_edge.runtime.stream_pipeline import CameraOptions

        outputs = self._outputs(None, self.records, live=True)
        if not (outputs.records or outputs.sinks or outputs.server):
            note("faces are only counted: --serve 8080 shows them, --records faces.csv writes them")
        camera = CameraOptions(*parse_size(self.size), self.fps, self.wait)
        with stop_requests() as stop:
            self.pipeline.camera(source, outputs, camera, stop)

    def _outputs(
        self, video: Path | None, records: Path | None, live: bool = False
    ) -> StreamOutputs:
        from asmnet_edge.runtime.stream_pipeline import ServerOptions, StreamOutputs

        server = None if self.serve is None else ServerOptions(self.serve, self.address, self.token)
        sinks = [print_json(live)] if self.as_json else []
        return StreamOutputs(video, records, server, self.frames, sinks, self.overwrite)


class Progress:
    """Progress on a terminal: one line that is rewritten; other lines go on a line of their own.

    secret : the page's address holds a token, which is not logged without a terminal
    """

    def __init__(self, secret: bool = False) -> None:
        self._shown, self._is_open, self._secret = time.monotonic(), False, secret

    def log(self, line: str) -> None:
        if self._is_open:
            note("")
            self._is_open = False
        if line.startswith("watch at ") and self._secret and not sys.stderr.isatty():
            line = without_token(line)
        note(line)

    def __call__(self, times: StageTimes, expected: int) -> None:
        now = time.monotonic()
        if now - self._shown >= PROGRESS_EVERY and sys.stderr.isatty():
            self._shown, self._is_open = now, True
            total = f" of {expected}" if expected else ""
            rate = times.recent(RECENT)
            click.echo(f"\r{times.pictures}{total} pictures, {rate:.1f} a second   ",
                       nl=False, err=True)  # fmt: skip


def without_token(line: str) -> str:
    """Return ``line``, "watch at ADDRESS", with address and port alone: journals keep it."""
    from urllib.parse import urlsplit

    parts = urlsplit(line.removeprefix("watch at "))
    return f"serving on {parts.hostname}, port {parts.port}"


def report_unread(unread: list[PictureError], count: int) -> None:
    """Raise the error of a single picture; print those of several and raise `CheckFailedError`."""
    if count == 1 and unread:
        raise unread[0]
    for error in unread:
        note(f"Error: {error}")
    if unread:
        raise CheckFailedError(f"{len(unread)} of {count} pictures could not be read")


def summary(result: ImageResult) -> str:
    """Return a line about the picture and one about each face."""
    faces, times = result.facts["faces"], result.facts["timings_ms"]
    lines = [
        f"{result.path}: {len(faces)} face{'' if len(faces) == 1 else 's'} "
        f"(detect {times['detect']:.0f} ms, infer {times['infer']:.1f} ms) "
        f"-> {result.files.written[0]}"
    ]
    for face in faces:
        x, y, width, height = face["box"]
        angles = ", ".join(f"{axis} {round(value):+d}°" for axis, value in face["pose"].items())
        doubt = "" if face["quality"] >= 0.5 else ", probably no face"
        lines.append(
            f"  {round(width)}x{round(height)} px at ({round(x)}, {round(y)}): {angles}{doubt}"
        )
    if not faces:
        lines.append("  no face found; --detector none takes the whole picture as one")
    return "\n".join(lines)


def print_json(live: bool) -> Sink:
    """Return a sink that prints each frame's faces as a line of JSON."""
    from asmnet_edge.runtime.stream_pipeline import frame_facts

    def write(frame: Any, faces: Sequence[Any], annotated: Any) -> None:
        facts = frame_facts(frame, live)
        click.echo(json.dumps({**facts, "faces": [face.as_json() for face in faces]}))

    return write


def parse_size(text: str) -> tuple[int, int]:
    """Parse ``640x480``; an empty text is 0, 0: the camera's default."""
    if not text:
        return 0, 0
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UsageError(f"a size looks like 640x480, got {text!r}")
    return int(width), int(height)
