"""The pipeline from images, a video or a camera to faces, which ``asmnet-edge predict`` runs.

    from asmnet_edge import Pipeline, PipelineOptions, StreamOutputs

    with Pipeline(PipelineOptions(faces=2)) as pipeline:
        pipeline.video("walk.mp4", StreamOutputs(video="annotated.mp4", records="faces.csv"))

`Pipeline` opens model and detector, reads each frame, follows its faces and calls the sinks: table,
annotated video, page in a browser, or any function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.errors import UsageError
from asmnet_edge.io.files import SHIPPED_INT8, convert_paths, shipped
from asmnet_edge.io.system import sensible_threads, usable_cores
from asmnet_edge.runtime.artifact import check_artifact
from asmnet_edge.runtime.detector import DetectorOptions, check_detector, prepare_detector
from asmnet_edge.runtime.frame_loop import StageTimes, Stop
from asmnet_edge.runtime.landmarker import FaceLandmarker

if TYPE_CHECKING:  # imported where they are used: `predict` starts faster
    from asmnet_edge.runtime.image_pipeline import ImageFiles, ImageOutputs, ImageResult
    from asmnet_edge.runtime.stream_pipeline import (
        CameraOptions,
        StreamOutputs,
        StreamRunner,
        StreamSummary,
    )
    from asmnet_edge.runtime.tracker import FaceTracker

Log = Callable[[str], None]


@dataclass(frozen=True)
class PipelineOptions:
    """Options of a `Pipeline`: model, detector and tracker.

    model : artifact (.tflite, .onnx, .xml) with its manifest; None for the shipped int8 model
    trust : accept a model without a manifest, after it ran in a sandbox
    detector : name in `asmnet_edge.runtime.detector.DETECTORS`; detector_model : its file, if any
    threads : of the network; None chooses by the CPU
    faces : most faces followed in a stream; smooth : filter landmarks and pose from frame to frame
    """

    model: Path | None = None
    trust: bool = False
    detector: str = "haar"
    detector_model: Path | None = None
    threads: int | None = None
    faces: int = 1
    smooth: bool = True

    def __post_init__(self) -> None:
        convert_paths(self, "model", "detector_model")
        check_detector(self.detector)
        if self.faces < 1 or (self.threads is not None and self.threads < 1):
            raise UsageError(f"faces and threads must be 1 or more, got {self}")


class Pipeline:
    """Runs detector, landmark network and tracker on images, videos and cameras.

    log : called with lines for a person; progress : called in each turn of a stream with the times
    so far and the number of frames expected (0 if unknown)
    loading : entered while native runtimes load, which may print
    times : milliseconds by stage, of all images so far or of the last stream
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
        self._stream: StreamRunner | None = None

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the page, if there is one."""
        if self._stream:
            self._stream.close()
        self._stream = None

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
        from asmnet_edge.runtime.image_pipeline import ImageOutputs, plan_images

        outputs = outputs or ImageOutputs()
        files = plan_images(sources, outputs)
        return self._images(files, outputs.records, min(jobs, len(files)), stop)

    def _images(
        self, files: dict[Path, ImageFiles], records: Path | None, jobs: int, stop: Stop
    ) -> Iterator[ImageResult]:
        from asmnet_edge.runtime.image_pipeline import process_images

        landmarkers = self.open_landmarkers(jobs)
        yield from process_images(files, landmarkers, self.times, records, stop)

    def video(
        self, path: str | Path, outputs: StreamOutputs | None = None, stop: Stop = lambda: False
    ) -> StreamSummary:
        """Follow the faces of the video file ``path``; with a server, at the video's own pace.

        stop : true ends it after the current frame; the results so far are kept
        `PictureError` where it is no video, `OutputExistsError` before anything is written.
        """
        from asmnet_edge.runtime.stream_pipeline import StreamOutputs

        return self._new_stream().video(Path(path), outputs or StreamOutputs(), stop)

    def replay(self, path: str | Path, stop: Stop) -> None:
        """Show a video on the page of the last `video`, again and again until ``stop`` is true."""
        assert self._stream, "there is no page: run video() with a server first"
        self._stream.replay(Path(path), stop)

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
        in `asmnet_edge.runtime.stream_pipeline.FIRST_FRAME_SECONDS`.
        """
        from asmnet_edge.runtime.stream_pipeline import CameraOptions, StreamOutputs

        requested = camera or CameraOptions()
        return self._new_stream().camera(source, outputs or StreamOutputs(), requested, stop)

    def _new_stream(self) -> StreamRunner:
        from asmnet_edge.runtime.stream_pipeline import StreamRunner

        self.close()  # a page of an earlier call
        self._stream = StreamRunner(self._open_tracker, self._log, self._progress)
        self.times = self._stream.times
        return self._stream

    def _open_tracker(self) -> FaceTracker:
        from asmnet_edge.runtime.tracker import FaceTracker, TrackingRule

        (landmarker,) = self.open_landmarkers(1, fast=True)
        return FaceTracker(landmarker, TrackingRule(faces=self.options.faces), self.options.smooth)
