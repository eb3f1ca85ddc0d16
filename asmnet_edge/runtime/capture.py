"""The process that holds a camera: it can hang or crash, and be killed, without harm to the rest.

    python -m asmnet_edge.runtime.capture MEMORY PIPE SOURCE WIDTH HEIGHT FPS

MEMORY and PIPE are descriptors that it inherits, see `asmnet_edge.runtime.slots`. It ends when
nobody reads the pipe any more.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.slots import ERROR, FRAME, Message, Slots

Grab = Callable[[], Picture | None]
Wanted = tuple[int, int, int]  # width, height, frames per second; 0 for what the camera likes


def main() -> None:
    memory, pipe, source, *wanted = sys.argv[1:]
    descriptor = int(pipe)
    os.set_blocking(descriptor, False)
    try:
        grab = open_camera(source, (int(wanted[0]), int(wanted[1]), int(wanted[2])))
        send(grab, Slots(int(memory)), descriptor)
    except AsmnetEdgeError as error:
        _write(descriptor, Message(ERROR, 0, time.monotonic(), 0, 0, 0, str(error)))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        pass  # who wanted the frames is gone


def send(grab: Grab, slots: Slots, pipe: int) -> None:
    """Frames from ``grab`` into ``slots`` until there are no more; where each is, into ``pipe``."""
    number = 0
    while (picture := grab()) is not None:
        seconds, number = time.monotonic(), number + 1
        slots.write(number, picture)
        height, width = picture.shape[:2]
        _write(pipe, Message(FRAME, number, seconds, height, width, picture.size))
    raise DataError("the camera gives no more frames")


def _write(pipe: int, message: Message) -> None:
    with suppress(BlockingIOError):  # nobody has read for a long while: it is not needed
        os.write(pipe, message.packed())


def open_camera(source: str, wanted: Wanted) -> Grab:
    """What grabs a frame (H, W, 3) BGR from ``source``, or gives None at its end."""
    kind, _, rest = source.partition(":")
    if kind == "picamera2":
        return _picamera2(int(rest or 0), wanted)
    if kind == "replay":
        return _replay(Path(rest), wanted)
    return _opencv(source, wanted)


def _opencv(source: str, wanted: Wanted) -> Grab:
    import cv2

    is_stream = "://" in source
    name: Any = int(source) if source.isdigit() else source
    interface = cv2.CAP_FFMPEG if is_stream else cv2.CAP_V4L2
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|fflags;nobuffer")
    camera = cv2.VideoCapture(name, interface)
    if not camera.isOpened():
        raise DataError(f"{source} cannot be opened as a camera")
    if not is_stream:
        _ask(camera, wanted)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def grab() -> Picture | None:
        there, picture = camera.read()
        return np.asarray(picture, np.uint8) if there and picture is not None else None

    return grab


def _ask(camera: Any, wanted: Wanted) -> None:
    import cv2

    # most USB cameras reach their frame rate in MJPEG only
    camera.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    names = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS
    for name, value in zip(names, wanted, strict=True):
        if value:
            camera.set(name, value)


def _picamera2(number: int, wanted: Wanted) -> Grab:
    from asmnet_edge.errors import MissingExtraError

    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingExtraError(
            "Picamera2 is not here", "sudo apt install python3-picamera2"
        ) from error
    camera = Picamera2(number)
    size = (wanted[0] or 640, wanted[1] or 480)
    # what libcamera calls RGB888 lies in memory as B, G, R
    main = {"size": size, "format": "RGB888"}
    controls = {"FrameRate": wanted[2]} if wanted[2] else {}
    camera.configure(camera.create_video_configuration(main=main, controls=controls))
    camera.start()
    return lambda: np.ascontiguousarray(camera.capture_array("main")[..., :3])


def _replay(path: Path, wanted: Wanted) -> Grab:
    """A video file again and again, at its own pace: a camera for where there is none."""
    import cv2

    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise DataError(f"{path} cannot be opened as a video")
    pause = 1 / (wanted[2] or video.get(cv2.CAP_PROP_FPS) or 30)
    due = time.monotonic()

    def grab() -> Picture | None:
        nonlocal due
        due = max(due + pause, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        there, picture = video.read()
        if not there:
            video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            there, picture = video.read()
        return np.asarray(picture, np.uint8) if there else None

    return grab


if __name__ == "__main__":
    main()
