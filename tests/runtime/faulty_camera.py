"""A capture process with faults on request; it writes messages of `cameras.transport`.

    python faulty_camera.py MEMORY PIPE FOLDER WIDTH HEIGHT FPS

Before each frame it reads and removes a file ``fault`` in FOLDER, and produces the fault that the
file names. The first eight bytes of a frame are the time of its capture, the ninth is their sum.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path

import numpy as np

from asmnet_edge.runtime.cameras.transport import FRAME, MESSAGE, Message, Slots

FAULTS = ("crash", "hang", "cut off", "wrong size", "stale", "garbage", "gone")
HEIGHT, WIDTH = 48, 64


def stamped(seconds: float) -> np.ndarray:
    """A frame that contains the time of its capture."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stamp = np.frombuffer(struct.pack("<d", seconds), np.uint8)
    picture.reshape(-1)[:8], picture.reshape(-1)[8] = stamp, stamp.sum() % 256
    return picture


def stamp_of(picture: np.ndarray) -> float:
    flat = picture.reshape(-1)
    assert flat[:8].sum() % 256 == flat[8], "torn frame"
    return float(struct.unpack("<d", flat[:8].tobytes())[0])


def main() -> None:
    slots, pipe, folder = Slots(int(sys.argv[1])), int(sys.argv[2]), Path(sys.argv[3])
    if (folder / "gone").exists():  # unplugged: cannot be opened until it is back
        if time.time() < float((folder / "gone").read_text()):
            sys.exit(2)
        (folder / "gone").unlink()
    number, lasting = 0, ""
    while True:
        time.sleep(0.01)
        fault, number = taken(folder / "fault") or lasting, number + 1
        # a single frame of these could be overtaken by the next one and never be seen
        lasting = fault if fault in ("wrong size", "cut off", "garbage") else ""
        now = time.monotonic()
        if fault == "stale":
            old = now - 3
            for _ in range(1000):
                send(slots, pipe, number, old, stamped(old))
                time.sleep(0.01)
        if fault == "crash":
            os.kill(os.getpid(), 9)
        if fault == "hang":
            time.sleep(1000)
        if fault == "gone":
            (folder / "gone").write_text(str(time.time() + 0.5))
            sys.exit(2)
        if fault == "garbage":
            os.write(pipe, b"\xff\xd8 no frame at all" * MESSAGE.size)
            continue
        picture = stamped(now)
        if fault == "wrong size":
            picture = np.zeros((HEIGHT // 2, WIDTH, 3), np.uint8)
        send(slots, pipe, number, now, picture, picture.size // 2 if fault == "cut off" else None)


def send(
    slots: Slots, pipe: int, number: int, now: float, picture: np.ndarray, size: int | None = None
) -> None:
    slots.write(number, picture)
    size = picture.size if size is None else size
    os.write(pipe, Message(FRAME, number, now, *picture.shape[:2], size).packed())


def taken(order: Path) -> str:
    try:
        fault = order.read_text()
        order.unlink()
    except OSError:
        return ""
    return fault


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(0)
