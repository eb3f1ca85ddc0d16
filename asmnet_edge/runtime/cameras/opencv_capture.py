"""Cameras that OpenCV reads: with a Linux driver (USB), in the network, or replayed videos."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.errors import DataError, PictureError
from asmnet_edge.io.images import JPEG_START, Picture, decode_image
from asmnet_edge.runtime.cameras.transport import CapturedImage, CaptureMode, DeviceClock, Grab

JPEG_SECONDS = 1.0  # seconds of nothing but broken JPEGs, after which OpenCV decodes them
MJPEG = "MJPG"
BUFFERS = 2  # with one, a camera drops each frame that begins while the last one is still copied


def open_device(source: str, requested: CaptureMode) -> Grab:
    """Open the camera at index or path ``source``; `DataError` states why it cannot be opened."""
    import cv2

    path = f"/dev/video{source}" if source.isdigit() else source
    if sys.platform == "linux":
        check_device(Path(path))
        camera = cv2.VideoCapture(os.path.realpath(path), cv2.CAP_V4L2)
    else:
        camera = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not camera.isOpened():
        raise DataError(
            f"{path} cannot be opened as a camera", "Another program may use it: close that first"
        )
    _request(camera, requested)
    return Device(camera).grab


def check_device(path: Path) -> None:
    """Raise `DataError` with the cure if ``path`` is missing or not readable."""
    if not path.exists():
        raise DataError(f"{path} does not exist", "Plug the camera in; see asmnet-edge doctor")
    if not os.access(path, os.R_OK | os.W_OK):
        raise DataError(
            f"{path} cannot be read: permission denied",
            "sudo usermod -aG video $USER, then log in again",
        )


def _request(camera: Any, requested: CaptureMode) -> None:
    import cv2

    # most USB cameras reach their frame rate in MJPEG only
    camera.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*MJPEG))
    names = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS
    for name, value in zip(names, requested, strict=True):
        if value:
            camera.set(name, value)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)


class Device:
    """Frames of an opened `cv2.VideoCapture`.

    OpenCV decodes a JPEG that a bad cable cut off to a half grey image without an error. So JPEGs
    are read undecoded where the driver gives them, and broken ones are dropped.
    """

    def __init__(self, camera: Any) -> None:
        self._camera, self._clock = camera, DeviceClock()
        self._takes_jpegs = self._is_mjpeg() and self._convert(False)
        self._has_decoded, self._since = False, time.monotonic()

    def _is_mjpeg(self) -> bool:
        import cv2

        code = int(self._camera.get(cv2.CAP_PROP_FOURCC))
        return code == cv2.VideoWriter.fourcc(*MJPEG)

    def _convert(self, requested: bool) -> bool:
        import cv2

        return bool(self._camera.set(cv2.CAP_PROP_CONVERT_RGB, float(requested)))

    def grab(self) -> CapturedImage | None:
        """Return the next whole frame; None when there are no more."""
        import cv2

        while True:
            there, content = self._camera.read()
            if not there or content is None:
                return None
            seconds = self._clock.taken(1e-3 * self._camera.get(cv2.CAP_PROP_POS_MSEC))
            picture = self._decoded(np.asarray(content, np.uint8))
            if picture is not None:
                return CapturedImage(picture, seconds)

    def _decoded(self, content: Any) -> Picture | None:
        """Decode ``content`` unless it is an image already; None if it is broken."""
        if not self._takes_jpegs:
            return content if content.ndim == 3 and content.shape[2] == 3 else None
        encoded = content.tobytes()
        if not encoded.startswith(JPEG_START):  # the driver chose something else after all
            return self._without_jpegs(content)
        try:
            picture = decode_image(encoded, "frame")
        except PictureError:
            return self._without_jpegs(content) if self._gets_no_jpegs() else None
        self._has_decoded = True
        return picture

    def _gets_no_jpegs(self) -> bool:
        return not self._has_decoded and time.monotonic() - self._since > JPEG_SECONDS

    def _without_jpegs(self, content: Any) -> Picture | None:
        """Let OpenCV decode from now on; return ``content`` if it is an image already."""
        self._takes_jpegs = False
        self._convert(True)
        return self._decoded(content)


# Cameras in the network, rtsp:// and http://, with OpenCV's FFmpeg


def open_stream(source: str, requested: CaptureMode) -> Grab:
    """Open the stream at the address ``source`` in its own size and at its own rate.

    Frames are stamped on arrival: many cameras derive a stream's timestamps from a nominal rate,
    and the clocks of the others drift away from that of this machine.
    """
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|fflags;nobuffer")
    camera = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
    if not camera.isOpened():
        raise DataError(
            f"{source} cannot be opened", "Check address, name and password, and that it is on"
        )
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def grab() -> CapturedImage | None:
        there, picture = camera.read()
        if not there or picture is None:
            return None
        return CapturedImage(np.asarray(picture, np.uint8), time.monotonic())

    return grab


# A video file in a loop at its own pace, in place of a camera


def open_replay(source: str, requested: CaptureMode) -> Grab:
    """Open ``replay:FILE`` at the requested rate, else the video's own."""
    import cv2

    path = source.partition(":")[2]
    video = cv2.VideoCapture(path)
    if not video.isOpened():
        raise DataError(f"{path} cannot be opened as a video")
    pause = 1 / (requested[2] or video.get(cv2.CAP_PROP_FPS) or 30)
    due = time.monotonic()

    def grab() -> CapturedImage | None:
        nonlocal due
        due = max(due + pause, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        there, picture = video.read()
        if not there:
            video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            there, picture = video.read()
        return CapturedImage(np.asarray(picture, np.uint8), time.monotonic()) if there else None

    return grab
