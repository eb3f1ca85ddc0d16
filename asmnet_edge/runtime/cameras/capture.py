"""The child process that holds a camera, which may hang or crash without harm to the parent.

    python -P -m asmnet_edge.runtime.cameras.capture MEMORY PIPE SOURCE WIDTH HEIGHT FPS

MEMORY and PIPE are descriptors that it inherits, see `transport.Slots`. It ends when the pipe has
no reader any more.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.runtime.cameras.transport import ERROR, FRAME, CaptureMode, Grab, Message, Slots

# scheme of a source, up to its colon -> function that opens it
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "picamera2": "asmnet_edge.runtime.cameras.picamera2_capture.open_picamera2",
        "replay": "asmnet_edge.runtime.cameras.opencv_capture.open_replay",
        "rtsp": "asmnet_edge.runtime.cameras.opencv_capture.open_stream",
        "rtsps": "asmnet_edge.runtime.cameras.opencv_capture.open_stream",
        "http": "asmnet_edge.runtime.cameras.opencv_capture.open_stream",
        "https": "asmnet_edge.runtime.cameras.opencv_capture.open_stream",
    }
)
DEVICE = "asmnet_edge.runtime.cameras.opencv_capture.open_device"  # for all other sources


def main() -> None:
    memory, pipe, source, *requested = sys.argv[1:]
    descriptor = int(pipe)
    os.set_blocking(descriptor, False)
    try:
        grab = open_camera(source, (int(requested[0]), int(requested[1]), int(requested[2])))
        send(grab, Slots(int(memory)), descriptor)
    except BrokenPipeError:
        pass  # the parent process has ended
    except Exception as error:  # drivers and their libraries raise anything; all of it is sent
        _write(descriptor, Message(ERROR, 0, time.monotonic(), 0, 0, 0, described(error)))
        sys.exit(1)


def described(error: Exception) -> str:
    """Describe ``error`` in one line; an error that is not ours with its type."""
    line = " ".join(str(error).split())
    return line if isinstance(error, AsmnetEdgeError) else f"{type(error).__name__}: {line}"


def send(grab: Grab, slots: Slots, pipe: int) -> None:
    """Write the frames of ``grab`` into ``slots``, and a message about each into ``pipe``."""
    number = 0
    while (captured := grab()) is not None:
        number += 1
        slots.write(number, captured.picture)
        height, width = captured.picture.shape[:2]
        _write(pipe, Message(FRAME, number, captured.seconds, height, width, captured.picture.size))
    raise DataError("the camera delivers no more frames")


def _write(pipe: int, message: Message) -> None:
    with suppress(BlockingIOError):  # not read for a long while: it is not needed
        os.write(pipe, message.packed())


def open_camera(source: str, requested: CaptureMode) -> Grab:
    """Return a function that grabs a frame from ``source``, or returns None at its end."""
    opening = SOURCES.get(source.partition(":")[0].lower(), DEVICE)
    module, _, function = opening.rpartition(".")
    grab: Grab = getattr(importlib.import_module(module), function)(source, requested)
    return grab


if __name__ == "__main__":
    main()
