"""Faces of a video or camera: read each frame, follow its faces, call the sinks.

The part of `asmnet_edge.runtime.pipeline.Pipeline` for streams. Sinks are the table of faces, the
annotated video, the page in a browser, or any function.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asmnet_edge.errors import CheckFailedError, UsageError
from asmnet_edge.io.files import convert_paths, make_folder, refuse_existing, staged
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.frame_loop import Sink, StageTimes, Stop, follow
from asmnet_edge.runtime.landmarker import Face
from asmnet_edge.runtime.monitoring import ThrottlingMonitor, Watchdog
from asmnet_edge.runtime.sinks import open_records, until_it_fails, video_writer
from asmnet_edge.runtime.sources import Frame, Video, at_pace
from asmnet_edge.runtime.tracker import FaceTracker

if TYPE_CHECKING:  # the page and cameras are imported where they are used: `predict` starts faster
    from asmnet_edge.runtime.server.board import Board

FIRST_FRAME_SECONDS = 20.0  # for a camera to give its first frame, unless `CameraOptions.wait`
RECENT = 60  # frames over which the page's rate is taken


@dataclass(frozen=True)
class ServerOptions:
    """A page with the stream: port (0 takes a free one), address, and the token it requires."""

    port: int = 8080
    address: str = "127.0.0.1"
    token: str = ""


@dataclass(frozen=True)
class StreamOutputs:
    """Outputs of a stream: annotated video, table of faces, web page and sinks.

    video : annotated video, .mp4 (of a video only); records : table of all faces, .csv or .jsonl
    server : page that shows the stream; frames : after how many to stop, None for all
    sinks : functions called with each frame, its faces, and the annotated image or None
    overwrite : replace files that exist; else a camera's table is continued
    """

    video: Path | None = None
    records: Path | None = None
    server: ServerOptions | None = None
    frames: int | None = None
    sinks: Sequence[Sink] = ()
    overwrite: bool = False

    def __post_init__(self) -> None:
        convert_paths(self, "video", "records")
        if self.frames is not None and self.frames < 1:
            raise UsageError(f"frames must be 1 or more, or None for all, got {self.frames}")


@dataclass(frozen=True)
class CameraOptions:
    """Settings to request from a camera: size in pixels and frames per second, 0 for its default.

    wait : for its first frame without limit, as for a camera that is plugged in later
    """

    width: int = 0
    height: int = 0
    fps: int = 0
    wait: bool = False

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.fps) < 0:
            raise UsageError(f"a camera's size and rate cannot be negative, got {self}")


@dataclass(frozen=True)
class StreamSummary:
    """Summary of a processed stream.

    frames : processed; expected : as a video's header states, 0 if it does not
    resized : frames of another size than the first; stopped : whether the caller ended it
    ended_early : whether clearly fewer frames came than expected, as of a file that is cut off
    """

    frames: int
    expected: int = 0
    resized: int = 0
    stopped: bool = False
    ended_early: bool = False


class StreamRunner:
    """Runs a tracker over the frames of a video or camera, and calls the sinks.

    open_tracker : loads model and detector; called once the stream's files are checked
    log : called with lines for a person; progress : called in each turn with the times so far and
    the number of frames expected (0 if unknown)
    times : of the last `StageTimes.KEPT` frames
    """

    def __init__(
        self,
        open_tracker: Callable[[], FaceTracker],
        log: Callable[[str], None],
        progress: Callable[[StageTimes, int], None],
    ) -> None:
        self.times = StageTimes()
        self._open_tracker, self._log, self._progress = open_tracker, log, progress
        self._stack = ExitStack()
        self._tracker: FaceTracker | None = None
        self._board: Board | None = None
        self._watchdog, self._throttling = Watchdog(), ThrottlingMonitor(log)

    def close(self) -> None:
        """Close the page and its port, if there is one."""
        self._stack.close()
        self._board = None

    def video(self, path: Path, outputs: StreamOutputs, stop: Stop) -> StreamSummary:
        """Follow the faces of a video file, see `Pipeline.video`."""
        files = [place for place in (outputs.video, outputs.records) if place]
        refuse_existing(files, outputs.overwrite)
        video = Video(path)
        with ExitStack() as stack:
            sinks: list[Sink] = []
            if outputs.video:
                make_folder(outputs.video.parent)
                place = stack.enter_context(staged(outputs.video))
                writer = stack.enter_context(video_writer(place, video.rate, video.size))
                sinks.append(_write_annotated(writer))
            sinks += self._open(outputs, stack)
            frames = islice(video.frames(stop), outputs.frames)
            self._run(self._paced(frames, video, stop), sinks, video.count, bool(outputs.video))
        ended_early = video.read != outputs.frames and video.ended_early
        return StreamSummary(video.read, video.count, video.resized, stop(), ended_early)

    def replay(self, path: Path, stop: Stop) -> None:
        """Show the video ``path`` on the page, again and again until ``stop`` is true."""
        assert self._board, "there is no page: run video() with a server first"
        sink = self._page(self._board, live=False)
        while not stop():
            video = Video(path)
            self._follow(self._paced(video.frames(stop), video, stop), [sink])

    def camera(
        self, source: str, outputs: StreamOutputs, requested: CameraOptions, stop: Stop
    ) -> StreamSummary:
        """Follow the faces of a camera, see `Pipeline.camera`."""
        from asmnet_edge.runtime.cameras.camera import Camera, CameraRule

        if outputs.video:
            raise UsageError("a camera has no end: its frames go to no video", "Use records")
        rule = CameraRule() if requested.wait else CameraRule(give_up=FIRST_FRAME_SECONDS)
        with ExitStack() as stack:
            sinks = self._open(outputs, stack, live=True)
            size = requested.width, requested.height, requested.fps
            device = stack.enter_context(Camera(source, size, rule, self._log))
            self._run(_limited(device.frames(stop), outputs.frames), sinks)
        if not (self.times.pictures or requested.wait):
            raise CheckFailedError("stopped before the camera delivered a picture")
        return StreamSummary(self.times.pictures, stopped=stop())

    def _open(self, outputs: StreamOutputs, stack: ExitStack, live: bool = False) -> list[Sink]:
        """Open the tracker, and return the sinks that ``outputs`` asks for."""
        sinks: list[Sink] = []
        self._tracker = self._open_tracker()
        if outputs.records:
            append = live and not outputs.overwrite
            write = stack.enter_context(open_records(outputs.records, append))
            record = until_it_fails(write, self._log) if live else write
            sinks.append(lambda frame, faces, _: record(frame_facts(frame, live), faces))
        sinks.extend(outputs.sinks)
        if outputs.server:
            sinks.append(self._page(self._serve(outputs.server), live))
        return sinks

    def _serve(self, options: ServerOptions) -> Board:
        from asmnet_edge.runtime.server.board import Board
        from asmnet_edge.runtime.server.server import Server

        self._board = Board()
        server = Server(self._board, options.port, options.address, options.token)
        self._stack.callback(server.close)
        self._log(f"watch at {server.url}")
        return self._board

    def _page(self, board: Board, live: bool) -> Sink:
        def show(frame: Frame, faces: Sequence[Face], annotated: Picture | None) -> None:
            rate = round(self.times.recent(RECENT), 1)
            content = {"per_second": rate, "faces": [face.as_json() for face in faces]}
            board.show(frame.picture if annotated is None else annotated,
                       {**frame_facts(frame, live), **content},
                       taken=frame.seconds if live else None)  # fmt: skip

        return show

    def _paced(self, frames: Iterator[Frame], video: Video, stop: Stop) -> Iterator[Frame | None]:
        """Yield ``frames`` at the video's own pace where there is a page, else without pauses."""
        return at_pace(frames, video.rate, stop) if self._board else frames

    def _run(
        self,
        frames: Iterator[Frame | None],
        sinks: Sequence[Sink],
        expected: int = 0,
        annotate: bool = False,
    ) -> None:
        self._watchdog.ready("running")
        try:
            self._follow(frames, sinks, expected, annotate)
        finally:
            self._watchdog.stopping()
            self._log(self.times.line())

    def _follow(
        self,
        frames: Iterator[Frame | None],
        sinks: Sequence[Sink],
        expected: int = 0,
        annotate: bool = False,
    ) -> None:
        assert self._tracker
        follow(frames, self._tracker, sinks, self.times,
               lambda: annotate or bool(self._board and self._board.watchers),
               lambda: self._tick(expected))  # fmt: skip

    def _tick(self, expected: int) -> None:
        self._watchdog.alive()
        self._throttling.check(time.monotonic())
        self._progress(self.times, expected)


def frame_facts(frame: Frame, live: bool = False) -> dict[str, Any]:
    """Return number and time of ``frame``; of a camera's (live) the time of day in UTC too."""
    facts: dict[str, Any] = {"frame": frame.number, "seconds": round(frame.seconds, 4)}
    if live:
        taken = datetime.now(UTC) - timedelta(seconds=time.monotonic() - frame.seconds)
        facts["time"] = taken.isoformat(timespec="milliseconds")
    return facts


def _write_annotated(writer: Any) -> Sink:
    def write(frame: Frame, faces: Sequence[Face], annotated: Picture | None) -> None:
        writer.write(annotated)

    return write


def _limited(frames: Iterator[Frame | None], count: int | None) -> Iterator[Frame | None]:
    """Yield ``frames`` until ``count`` came; None does not count."""
    for frame in frames:
        yield frame
        if frame is not None and count is not None and frame.number >= count:
            return
