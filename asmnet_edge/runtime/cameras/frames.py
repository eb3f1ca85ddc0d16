"""One picture of a video or camera, and how long a camera may take for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from asmnet_edge.pictures import Picture


@dataclass(frozen=True)
class Frame:
    """One picture of a video or camera.

    picture : (H, W, 3) uint8 BGR, valid until the next frame is asked for; seconds : when it was
    taken, on a clock that only goes forward; number : from 1
    """

    picture: Picture
    seconds: float
    number: int


@dataclass(frozen=True)
class CameraRule:
    """How long a camera may take, in seconds.

    opening, patience : until its first frame, at first and after failures, doubled each time
    silence : between frames; stale : from taken to seen
    hope : without ever a frame, after which it is not started again; what is under way may end
    retry, longest : before it is started again, first and at most; twice as long each time
    steady : after which a new outage is worth a new line
    tick : between signs of life to the caller
    """

    opening: float = 10.0
    patience: float = 60.0
    silence: float = 2.0
    stale: float = 1.0
    hope: float = math.inf
    retry: float = 0.2
    longest: float = 2.0
    steady: float = 10.0
    tick: float = 0.25
