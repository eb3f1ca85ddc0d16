"""What each stage of a picture's way took, and how many pictures a second that made."""

from __future__ import annotations

from collections import defaultdict, deque
from time import perf_counter

import numpy as np

KEPT = 3000  # pictures that the figures are taken over
STAGES = ("read", "detect", "crop", "infer", "decode", "smooth", "draw", "write")


class StageTimes:
    """Milliseconds a stage, of the last pictures; of stages that were not taken, nothing."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._ends: deque[float] = deque(maxlen=KEPT)
        self.pictures = 0

    def add(self, **milliseconds: float) -> None:
        """Of one picture; a stage it did not go through took 0 ms and does not count."""
        for stage, value in milliseconds.items():
            if value > 0:
                self._samples[stage].append(value)
        self._ends.append(perf_counter())
        self.pictures += 1

    def pause(self) -> None:
        """What comes next does not go on from the last picture: the time between counts nowhere."""
        self._ends.clear()

    def percentile(self, stage: str, percent: float) -> float | None:
        samples = self._samples.get(stage)
        return float(np.percentile(list(samples), percent)) if samples else None

    @property
    def per_second(self) -> float:
        """Pictures a second, over the last ones; 0 before there are two."""
        if len(self._ends) < 2:
            return 0.0
        return (len(self._ends) - 1) / max(1e-9, self._ends[-1] - self._ends[0])

    def as_json(self) -> dict[str, object]:
        stages = {
            stage: {f"p{p}": round(self.percentile(stage, p) or 0.0, 3) for p in (50, 99)}
            for stage in STAGES
            if stage in self._samples
        }
        return {"pictures": self.pictures, "per_second": round(self.per_second, 1), "ms": stages}

    def line(self) -> str:
        """All in one line for a person."""
        if not self.pictures:
            return "no picture came"
        medians = [(stage, self.percentile(stage, 50)) for stage in STAGES]
        told = ", ".join(f"{stage} {value:.2f}" for stage, value in medians if value is not None)
        return f"{self.pictures} pictures, {self.per_second:.1f} a second; ms p50: {told}"
