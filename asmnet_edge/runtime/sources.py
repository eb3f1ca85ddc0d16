"""Sources of images: which kind a source is, files and folders of images, and video files.

Cameras: `asmnet_edge.runtime.cameras`.
"""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from asmnet_edge.errors import PictureError, UsageError
from asmnet_edge.io.images import MAX_PIXELS, SUFFIXES, Picture


@dataclass(frozen=True)
class Frame:
    """One image of a video or camera.

    picture : (H, W, 3) uint8 BGR, valid until the next frame is requested
    seconds : when it was taken: from the start of a video, `time.monotonic` of a camera
    number : from 1
    """

    picture: Picture
    seconds: float
    number: int


# Kinds of sources, and the image files among them

VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mjpg", ".h264")
CAMERAS = ("/dev/video", "/dev/v4l/", "rtsp://", "rtsps://", "http://", "https://", "replay:")


class Kind(Enum):
    PICTURES = "pictures"
    VIDEO = "video"
    CAMERA = "camera"


def kind_of(source: str) -> Kind:
    """Return the kind of ``source``; an existing file or folder is never taken for a camera."""
    path = Path(source)
    if _is_device(path):
        return Kind.CAMERA
    if not path.exists() or source.startswith("/dev/"):
        name, _, number = source.partition(":")
        if name == "picamera2" and number and not number.isdigit():
            raise UsageError(f"picamera2:NUMBER names a camera, got {source!r}")
        if source.isdigit() or name == "picamera2" or source.lower().startswith(CAMERAS):
            return Kind.CAMERA
        if "://" in source:  # not a file's name, which would be printed with its password
            raise UsageError(
                f"{without_secrets(source)} is no address of a camera", "Known: rtsp(s), http(s)"
            )
    return Kind.VIDEO if path.suffix.lower() in VIDEOS else Kind.PICTURES


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def without_secrets(text: str) -> str:
    """Remove user names, passwords and queries from the addresses in ``text``."""
    return re.sub(r"(://[^\s?]*)\?\S*", r"\1?...", re.sub(r"://\S*@", "://", text))


def kind_of_all(sources: Sequence[str]) -> Kind:
    """Return the common kind of ``sources``; `UsageError` for more than one video or camera."""
    kinds = {kind_of(source) for source in sources}
    if kinds != {Kind.PICTURES} and len(sources) > 1:
        raise UsageError("one video or camera at a time, or any number of pictures and folders")
    return kinds.pop()


def pictures_in(sources: Sequence[str]) -> list[Path]:
    """Return image files: those named, and those directly in the folders named, by name.

    Annotated images of ``predict``, which have a JSON file beside them, are left out of folders.
    """
    found: list[Path] = []
    for path in map(Path, sources):
        found += _in_folder(path) if path.is_dir() else [path]
    return list(dict.fromkeys(found))


def _in_folder(folder: Path) -> list[Path]:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise PictureError(f"cannot look into {folder}: {error.strerror}") from error
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES and not _is_drawn(path)]
    if not pictures:
        raise PictureError(f"there is no picture in the folder {folder.resolve()}", _advice(files))
    return pictures


def _is_drawn(path: Path) -> bool:
    return path.name.endswith("-faces.jpg") and path.with_suffix(".json").exists()


def _advice(files: list[Path]) -> str:
    if videos := [path for path in files if path.suffix.lower() in VIDEOS]:
        return f"Name the video itself: asmnet-edge predict {videos[0]}"
    return (
        f"Name a picture, or a folder with some ({', '.join(SUFFIXES)}); folders within it are not "
        "searched, and annotated pictures of predict (-faces.jpg) do not count"
    )


class Video:
    """A video file, opened.

    rate : frames per second; count : frames as its header states, which may be a guess
    size : (width, height); read, resized : frames so far, and those among them of another size
    """

    def __init__(self, path: Path) -> None:
        import cv2

        if not path.is_file():
            raise PictureError(f"there is no video at {path}")
        self._path, self._file = path, cv2.VideoCapture(str(path))
        if not self._file.isOpened():
            raise PictureError(f"{path} is not a video that can be decoded")
        rate = float(self._file.get(cv2.CAP_PROP_FPS))
        self.rate = rate if np.isfinite(rate) and 0 < rate <= 1000 else 30.0
        self.count = max(0, int(self._file.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.size = (
            int(self._file.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._file.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        self.read = self.resized = 0
        if self.size[0] * self.size[1] > MAX_PIXELS:
            raise PictureError(
                f"{path} has {self.size[0]} x {self.size[1]} pixels; "
                f"at most {MAX_PIXELS:,} are decoded"
            )

    def frames(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Frame]:
        """Yield all frames in order, each in new memory; ``seconds`` from the video's start."""
        while not stop():
            there, picture = self._file.read()
            if not there or picture is None:
                break
            self.read += 1
            self.resized += picture.shape[1::-1] != self.size
            seconds = (self.read - 1) / self.rate
            yield Frame(np.asarray(picture, np.uint8), seconds, self.read)
        if not self.read and not stop():
            raise PictureError(f"no frame of {self._path} can be decoded")

    @property
    def ended_early(self) -> bool:
        """Whether clearly fewer frames came than the header states, which may be a guess."""
        return self.read < self.count - max(2, 0.05 * self.count)


# Frames of a video at its own pace, as people watch it

TICK = 0.25  # longest wait at a time, in seconds


def at_pace(
    frames: Iterator[Frame], rate: float, stop: Callable[[], bool] = lambda: False
) -> Iterator[Frame | None]:
    """Yield all ``frames``, at most ``rate`` a second, and None after each `TICK` of waiting.

    A caller slower than ``rate`` still gets every frame, only later.
    """
    due = time.monotonic()
    while True:
        while (left := due - time.monotonic()) > 0 and not stop():
            time.sleep(min(left, TICK))
            yield None
        frame = next(frames, None)
        if frame is None:
            return
        yield frame
        due = max(due + 1 / rate, time.monotonic())
