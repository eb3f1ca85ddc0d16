"""One image of a video or camera, with its time and number."""

from __future__ import annotations

from dataclasses import dataclass

from asmnet_edge.pictures import Picture


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
