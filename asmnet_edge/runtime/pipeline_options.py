"""Options and results of `asmnet_edge.runtime.pipeline.Pipeline`; paths may be given as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asmnet_edge.errors import PictureError, UsageError
from asmnet_edge.runtime.detector import check_detector
from asmnet_edge.runtime.frame_loop import Sink
from asmnet_edge.runtime.landmarker import Face
from asmnet_edge.runtime.sinks import ImageFiles


@dataclass(frozen=True)
class PipelineOptions:
    """What is run: model, detector and tracker.

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
        _convert_paths(self, "model", "detector_model")
        check_detector(self.detector)
        if self.faces < 1 or (self.threads is not None and self.threads < 1):
            raise UsageError(f"faces and threads must be 1 or more, got {self}")


@dataclass(frozen=True)
class ImageOutputs:
    """What is written about images.

    folder : for ``<name>-faces.json`` and, with annotate, ``<name>-faces.jpg``; None for neither
    records : table of all faces, .csv or .jsonl; overwrite : replace files that exist
    """

    folder: Path | None = None
    annotate: bool = True
    records: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        _convert_paths(self, "folder", "records")


@dataclass(frozen=True)
class ServerOptions:
    """A page with the stream: port (0 takes a free one), address, and the token it asks for."""

    port: int = 8080
    address: str = "127.0.0.1"
    token: str = ""


@dataclass(frozen=True)
class StreamOutputs:
    """What becomes of a stream's frames and faces.

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
        _convert_paths(self, "video", "records")
        if self.frames is not None and self.frames < 1:
            raise UsageError(f"frames must be 1 or more, or None for all, got {self.frames}")


@dataclass(frozen=True)
class CameraOptions:
    """What is asked of a camera: size in pixels and frames per second, 0 for its default.

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
class ImageResult:
    """Faces of one image.

    size : (width, height) in pixels; facts : all of it as JSON can hold it
    milliseconds : by stage; files : that were written
    error : why the image could not be read; then there is nothing else
    """

    path: Path
    size: tuple[int, int] = (0, 0)
    faces: Sequence[Face] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    files: ImageFiles = field(default_factory=ImageFiles)
    error: PictureError | None = None


@dataclass(frozen=True)
class StreamSummary:
    """What became of a stream.

    frames : processed; expected : as a video's header states, 0 if it does not
    resized : frames of another size than the first; stopped : whether the caller ended it
    ended_early : whether clearly fewer frames came than expected, as of a file that is cut off
    """

    frames: int
    expected: int = 0
    resized: int = 0
    stopped: bool = False
    ended_early: bool = False


def _convert_paths(options: object, *names: str) -> None:
    """Turn the fields ``names`` of a frozen dataclass into paths, where they are text."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not isinstance(value, Path):
            object.__setattr__(options, name, Path(value))
