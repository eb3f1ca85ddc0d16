"""The loop over the frames of a stream, and the time of each stage from frame to result."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.landmarker import Face
from asmnet_edge.runtime.sinks import draw_faces
from asmnet_edge.runtime.sources import Frame

if TYPE_CHECKING:
    from asmnet_edge.runtime.tracker import FaceTracker

KEPT = 3000  # latest images over which the figures are taken
STAGES = ("read", "detect", "crop", "infer", "decode", "smooth", "draw", "write")


class StageTimes:
    """Milliseconds of each stage over the last `KEPT` images; skipped stages do not count.

    pictures : number of images so far; searched : those among them on which the detector ran
    """

    def __init__(self) -> None:
        self._kept: deque[Mapping[str, float]] = deque(maxlen=KEPT)
        self._steps: deque[float] = deque(maxlen=KEPT)  # seconds from a picture to the next
        self._last: float | None = None  # when the last one was done
        self.pictures = self.searched = 0

    def add(self, **milliseconds: float) -> None:
        """Add the stages of one image; one with 0 ms was skipped."""
        self._kept.append({stage: value for stage, value in milliseconds.items() if value > 0})
        now = perf_counter()
        if self._last is not None:
            self._steps.append(now - self._last)
        self._last = now
        self.pictures += 1
        self.searched += "detect" in self._kept[-1]

    def pause(self) -> None:
        """Leave the time until the next image out of the rate."""
        self._last = None

    def percentile(self, stage: str, percent: float, followed: bool = False) -> float | None:
        """Return a percentile of a stage in ms; ``followed`` : over images without detection."""
        kept = [stages for stages in self._kept if not (followed and "detect" in stages)]
        samples = [stages[stage] for stages in kept if stage in stages]
        return float(np.percentile(samples, percent)) if samples else None

    @property
    def per_second(self) -> float:
        """Images per second over the last `KEPT`; 0 before the second one."""
        return self.recent(KEPT)

    def recent(self, pictures: int) -> float:
        """Return images per second over the last ``pictures`` of them."""
        steps = list(islice(reversed(self._steps), pictures))
        return len(steps) / max(1e-9, sum(steps))

    def line(self) -> str:
        """Summarise in one line; frames with and without detection are kept apart."""
        if not self.pictures:
            return "no picture came"
        rate = f", {self.per_second:.1f} a second" if self._steps else ""
        text = f"{self.pictures} pictures{rate}; ms p50: "
        if self.searched in (0, self.pictures):
            return text + self._medians(followed=False)
        search = self.percentile("detect", 50)
        cost = "" if search is None else f"detect {search:.2f} "
        times = f"in {self.searched} of them; in the others: {self._medians(followed=True)}"
        return f"{text}{cost}{times}"

    def _medians(self, followed: bool) -> str:
        medians = [(stage, self.percentile(stage, 50, followed)) for stage in STAGES]
        return ", ".join(f"{stage} {value:.2f}" for stage, value in medians if value is not None)


# The loop: follow the faces, annotate, call the sinks

PAUSE = 1.0  # seconds between frames after which faces are detected again

# called with a frame, its faces, and the annotated image, or None where none is written or shown
Sink = Callable[[Frame, Sequence[Face], Picture | None], None]
Stop = Callable[[], bool]


def follow(
    frames: Iterator[Frame | None],
    tracker: FaceTracker,
    sinks: Sequence[Sink],
    times: StageTimes,
    draws: Callable[[], bool] = lambda: False,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Call all ``sinks`` with each frame and its faces, annotated while ``draws()`` is true.

    tick : called in every turn, also while no frame comes
    times : gets the milliseconds of each stage
    The time spent on a frame here does not count as a pause of the camera.
    """
    last, spent = None, 0.0
    while True:
        start = perf_counter()
        frame = next(frames, _END)
        if frame is _END:
            return
        tick()
        if not isinstance(frame, Frame):
            continue
        if last is not None and not 0 <= frame.seconds - last <= PAUSE + spent:
            tracker.forget()
            times.pause()
        last, read = frame.seconds, perf_counter()
        faces = tracker.update(frame.picture, frame.seconds)
        found = perf_counter()
        annotated = draw_faces(frame.picture, faces) if draws() else None
        drawn = perf_counter()
        for sink in sinks:
            sink(frame, faces, annotated)
        stages = dict(vars(tracker.timings), smooth=tracker.smooth_ms)
        spent = perf_counter() - read
        times.add(read=1e3 * (read - start), draw=1e3 * (drawn - found) if annotated is not None
                  else 0.0, write=1e3 * (perf_counter() - drawn), **stages)  # fmt: skip


class _End:
    pass


_END = _End()
