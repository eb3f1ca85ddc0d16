"""What each stage of a picture's way took, and how many pictures a second that made."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from time import perf_counter

import numpy as np

KEPT = 3000  # pictures that the figures are taken over
STAGES = ("read", "detect", "crop", "infer", "decode", "smooth", "draw", "write")


class StageTimes:
    """Milliseconds a stage, of the last pictures; of stages that were not taken, nothing.

    pictures, searched : so far, and those among them in which faces were looked for
    """

    def __init__(self) -> None:
        self._kept: deque[Mapping[str, float]] = deque(maxlen=KEPT)
        self._steps: deque[float] = deque(maxlen=KEPT)  # seconds from a picture to the next
        self._last: float | None = None  # when the last one was done
        self.pictures = self.searched = 0

    def add(self, **milliseconds: float) -> None:
        """Of one picture; a stage it did not go through took 0 ms and does not count."""
        self._kept.append({stage: value for stage, value in milliseconds.items() if value > 0})
        now = perf_counter()
        if self._last is not None:
            self._steps.append(now - self._last)
        self._last = now
        self.pictures += 1
        self.searched += "detect" in self._kept[-1]

    def pause(self) -> None:
        """What comes next does not go on from the last picture: the time between counts nowhere."""
        self._last = None

    def percentile(self, stage: str, percent: float, followed: bool = False) -> float | None:
        """Of a stage; ``followed`` : of the pictures only in which no face was looked for."""
        kept = [taken for taken in self._kept if not (followed and "detect" in taken)]
        samples = [taken[stage] for taken in kept if stage in taken]
        return float(np.percentile(samples, percent)) if samples else None

    @property
    def per_second(self) -> float:
        """Pictures a second, over the last `KEPT` ones; 0 where none goes on from another."""
        return self.recent(KEPT)

    def recent(self, pictures: int) -> float:
        """Pictures a second, over so many of the last ones."""
        steps = list(islice(reversed(self._steps), pictures))
        return len(steps) / max(1e-9, sum(steps))

    def line(self) -> str:
        """All in one line for a person; a frame with a search costs more than one without."""
        if not self.pictures:
            return "no picture came"
        rate = f", {self.per_second:.1f} a second" if self._steps else ""
        told = f"{self.pictures} pictures{rate}; ms p50: "
        if self.searched in (0, self.pictures):
            return told + self._medians(followed=False)
        search = self.percentile("detect", 50)
        cost = "" if search is None else f"detect {search:.2f} "
        times = f"in {self.searched} of them; in the others: {self._medians(followed=True)}"
        return f"{told}{cost}{times}"

    def _medians(self, followed: bool) -> str:
        medians = [(stage, self.percentile(stage, 50, followed)) for stage in STAGES]
        return ", ".join(f"{stage} {value:.2f}" for stage, value in medians if value is not None)
