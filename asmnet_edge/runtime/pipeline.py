"""The whole way from images, a video or a camera to faces: what ``asmnet-edge predict`` runs.

    from asmnet_edge import Pipeline, PipelineOptions, StreamOutputs

    with Pipeline(PipelineOptions(faces=2)) as pipeline:
        pipeline.video("walk.mp4", StreamOutputs(video="annotated.mp4", records="faces.csv"))

`Pipeline` opens model and detector, reads each frame, follows its faces and calls the sinks: table,
annotated video, page in a browser, or any function.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any

from asmnet_edge.errors import CheckFailedError, PictureError, UsageError
from asmnet_edge.io.files import (
    SHIPPED_INT8,
    make_folder,
    refuse_existing,
    shipped,
    staged,
    write_json,
)
from asmnet_edge.io.images import Picture, read_image, write_image
from asmnet_edge.io.system import opencv_threads, sensible_threads, usable_cores
from asmnet_edge.runtime.artifact import check_artifact
from asmnet_edge.runtime.detector import DetectorOptions, prepare_detector
from asmnet_edge.runtime.frame_loop import Sink, StageTimes, follow
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker
from asmnet_edge.runtime.monitoring import ThrottlingMonitor, Watchdog
from asmnet_edge.runtime.pipeline_options import (
    CameraOptions,
    ImageOutputs,
    ImageResult,
    PipelineOptions,
    ServerOptions,
    StreamOutputs,
    StreamSummary,
)
from asmnet_edge.runtime.sinks import (
    ImageFiles,
    draw_faces,
    image_files,
    open_records,
    until_it_fails,
    video_writer,
)
from asmnet_edge.runtime.sources import Frame, Video, at_pace, pictures_in
from asmnet_edge.runtime.tracker import FaceTracker, TrackingRule

if TYPE_CHECKING:  # the page and cameras are imported where they are used: `predict` starts faster
    from asmnet_edge.runtime.server.board import Board

FIRST_FRAME_SECONDS = 20.0  # for a camera to give its first frame, unless `CameraOptions.wait`
RECENT = 60  # frames over which the page's rate is taken

Log = Callable[[str], None]
Stop = Callable[[], bool]


class Pipeline:
    """Runs detector, landmark network and tracker on images, videos and cameras.

    log : called with lines for a person; progress : called in each turn of a stream with the times
    so far and the number of frames expected (0 if unknown)
    loading : entered while native runtimes load, which may print
    As a context manager it closes the page and its port in the end. One call at a time.
    """

    def __init__(
        self,
        options: PipelineOptions | None = None,
        log: Log = lambda line: None,
        progress: Callable[[StageTimes, int], None] = lambda times, expected: None,
        loading: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.options, self.times = options or PipelineOptions(), StageTimes()
        self._log, self._progress, self._loading = log, progress, loading
        self._stack = ExitStack()
        self._tracker: FaceTracker | None = None
        self._board: Board | None = None
        self._watchdog, self._throttling = Watchdog(), ThrottlingMonitor(log)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the page, if there is one."""
        self._stack.close()
        self._board = None

    def open_landmarkers(self, count: int = 1, fast: bool = False) -> list[FaceLandmarker]:
        """Open ``count`` landmarkers, one a thread; model and detector are checked once.

        fast : use the quicker settings of the detector, as for video
        """
        options = self.options
        with self._loading():
            checked = check_artifact(options.model or shipped(SHIPPED_INT8), options.trust)
            margin = checked.manifest.crop_rule.margin
            detector = prepare_detector(
                options.detector, DetectorOptions(options.detector_model, margin, fast)
            )
            threads = options.threads or min(sensible_threads(), max(1, usable_cores() // count))
            opened = [FaceLandmarker(checked.open(threads), detector()) for _ in range(count)]
        if not checked.manifest.source_sha256:
            self._log(f"{checked.path} has no manifest: crops are cut by the default rule, "
                      "the landmark scheme is taken by the number of points")  # fmt: skip
        return opened

    # images

    def images(
        self,
        sources: Iterable[str | Path],
        outputs: ImageOutputs | None = None,
        jobs: int = 1,
        stop: Stop = lambda: False,
    ) -> Iterator[ImageResult]:
        """Find the faces of images, and of all images in folders; yield a result each, in order.

        jobs : images at a time; stop : true ends the iteration before the next image
        An image that cannot be read gives a result with its ``error``. `OutputExistsError` before
        anything is read.
        """
        outputs = outputs or ImageOutputs()
        paths = pictures_in([str(source) for source in sources])
        files = {path: ImageFiles() for path in paths}
        if outputs.folder is not None:
            files = image_files(paths, outputs.folder, outputs.annotate)
        records = [outputs.records] if outputs.records else []
        written = [path for place in files.values() for path in place.written]
        refuse_existing([*written, *records], outputs.overwrite)
        return self._images(files, outputs.records, min(jobs, len(paths)), stop)

    def _images(
        self, files: dict[Path, ImageFiles], records: Path | None, jobs: int, stop: Stop
    ) -> Iterator[ImageResult]:
        from concurrent.futures import ThreadPoolExecutor

        idle: SimpleQueue[FaceLandmarker] = SimpleQueue()
        for landmarker in self.open_landmarkers(jobs):
            idle.put(landmarker)

        def process(path: Path) -> ImageResult | None:
            if stop():
                return None
            landmarker = idle.get()
            try:
                return process_image(path, landmarker, files[path])
            except PictureError as error:
                return ImageResult(path, error=error)
            finally:
                idle.put(landmarker)

        with ExitStack() as stack:
            record = stack.enter_context(open_records(records)) if records else None
            # OpenCV's own threads and several jobs would get into each other's way
            stack.enter_context(opencv_threads(1 if jobs > 1 else None))
            pool = stack.enter_context(ThreadPoolExecutor(jobs))
            results = pool.map(process, files) if jobs > 1 else map(process, files)
            for result in results:
                if result is None:
                    return
                if not result.error:
                    self.times.add(**result.milliseconds)
                    if record:
                        record({"picture": str(result.path)}, result.faces)
                yield result

    # streams

    def video(
        self, path: str | Path, outputs: StreamOutputs | None = None, stop: Stop = lambda: False
    ) -> StreamSummary:
        """Follow the faces of the video file ``path``; with a server, at the video's own pace.

        stop : true ends it after the current frame; what was written until then is kept
        `PictureError` where it is no video, `OutputExistsError` before anything is written.
        """
        outputs = outputs or StreamOutputs()
        files = [place for place in (outputs.video, outputs.records) if place]
        refuse_existing(files, outputs.overwrite)
        video = Video(Path(path))
        with ExitStack() as stack:
            sinks: list[Sink] = []
            if outputs.video:
                make_folder(outputs.video.parent)
                place = stack.enter_context(staged(outputs.video))
                writer = stack.enter_context(video_writer(place, video.rate, video.size))
                sinks.append(_write_annotated(writer))
            self._open(outputs, sinks, stack)
            frames = islice(video.frames(stop), outputs.frames)
            self._run(self._paced(frames, video, stop), sinks, video.count, outputs.video)
        ended_early = video.given != outputs.frames and video.ended_early
        return StreamSummary(video.given, video.count, video.odd, stop(), ended_early)

    def replay(self, path: str | Path, stop: Stop) -> None:
        """Show the video ``path`` on the page, again and again until ``stop`` is true."""
        assert self._board, "there is no page: run video() with a server first"
        sink = self._page(self._board, live=False)
        while not stop():
            video = Video(Path(path))
            frames = self._paced(video.frames(stop), video, stop)
            self._follow(frames, [sink], 0, False)

    def camera(
        self,
        source: str,
        outputs: StreamOutputs | None = None,
        camera: CameraOptions | None = None,
        stop: Stop = lambda: False,
    ) -> StreamSummary:
        """Follow the faces of a camera until ``stop`` is true or ``outputs.frames`` came.

        source : see `asmnet_edge.runtime.cameras.camera.Camera`
        A table that can no longer be written ends nothing. `CheckFailedError` where no frame came
        in `FIRST_FRAME_SECONDS`.
        """
        from asmnet_edge.runtime.cameras.camera import Camera, CameraRule

        outputs, wanted = outputs or StreamOutputs(), camera or CameraOptions()
        if outputs.video:
            raise UsageError("a camera has no end: its frames go to no video", "Use records")
        rule = CameraRule() if wanted.wait else CameraRule(hope=FIRST_FRAME_SECONDS)
        with ExitStack() as stack:
            sinks: list[Sink] = []
            self._open(outputs, sinks, stack, live=True)
            size = wanted.width, wanted.height, wanted.fps
            device = stack.enter_context(Camera(source, size, rule, self._log))
            self._run(_limited(device.frames(stop), outputs.frames), sinks, 0, None)
        if not (self.times.pictures or wanted.wait):
            raise CheckFailedError("stopped before the camera gave a picture")
        return StreamSummary(self.times.pictures, stopped=stop())

    def _open(
        self, outputs: StreamOutputs, sinks: list[Sink], stack: ExitStack, live: bool = False
    ) -> None:
        """Open the tracker, and add to ``sinks`` what ``outputs`` asks for."""
        (landmarker,) = self.open_landmarkers(1, fast=True)
        rule = TrackingRule(faces=self.options.faces)
        self._tracker, self.times = FaceTracker(landmarker, rule, self.options.smooth), StageTimes()
        if outputs.records:
            append = live and not outputs.overwrite
            write = stack.enter_context(open_records(outputs.records, append))
            record = until_it_fails(write, self._log) if live else write
            sinks.append(lambda frame, faces, _: record(frame_facts(frame, live), faces))
        sinks.extend(outputs.sinks)
        if outputs.server:
            sinks.append(self._page(self._serve(outputs.server), live))

    def _serve(self, options: ServerOptions) -> Board:
        from asmnet_edge.runtime.server.board import Board
        from asmnet_edge.runtime.server.server import Server

        self.close()  # a page of an earlier call
        board = Board()
        server = Server(board, options.port, options.address, options.token)
        self._stack.callback(server.close)
        self._board = board
        self._log(f"watch at {server.url}")
        return board

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
        self, frames: Iterator[Frame | None], sinks: list[Sink], expected: int, video: Path | None
    ) -> None:
        self._watchdog.ready("running")
        try:
            self._follow(frames, sinks, expected, annotate=video is not None)
        finally:
            self._watchdog.stopping()
            self._log(self.times.line())

    def _follow(
        self, frames: Iterator[Frame | None], sinks: list[Sink], expected: int, annotate: bool
    ) -> None:
        assert self._tracker
        follow(frames, self._tracker, sinks, self.times,
               lambda: annotate or bool(self._board and self._board.watchers),
               lambda: self._tick(expected))  # fmt: skip

    def _tick(self, expected: int) -> None:
        self._watchdog.alive()
        self._throttling.check(time.monotonic())
        self._progress(self.times, expected)


def process_image(path: Path, landmarker: FaceLandmarker, files: ImageFiles) -> ImageResult:
    """Read the image at ``path``, find its faces, and write ``files``."""
    start = perf_counter()
    picture = read_image(path)
    read = perf_counter()
    faces = landmarker.detect(picture)
    found = perf_counter()
    size = picture.shape[1], picture.shape[0]
    facts = image_facts(path, size, faces, landmarker)
    if files.annotated:
        write_image(files.annotated, draw_faces(picture, faces))
    if files.json:
        write_json(files.json, facts)
    written = perf_counter()
    stages = {"read": 1e3 * (read - start), **vars(landmarker.timings)}
    stages["write"] = 1e3 * (written - found)
    return ImageResult(path, size, faces, facts, stages, files)


def image_facts(
    path: Path, size: tuple[int, int], faces: Sequence[Face], landmarker: FaceLandmarker
) -> dict[str, Any]:
    """Describe an image and its faces, as ``predict --json`` prints them."""
    artifact = landmarker.artifact
    return {
        "picture": str(path),
        "size": list(size),
        "scheme": artifact.manifest.scheme,
        "model": artifact.path.name,
        "runtime": artifact.backend.name,
        "timings_ms": {k: round(v, 3) for k, v in vars(landmarker.timings).items()},
        "faces": [face.as_json() for face in faces],
    }


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
