"""The One-Euro filter: steady when the face rests, quick when it moves.

Casiez, Roussel, Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems", CHI 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asmnet_edge.errors import UsageError
from asmnet_edge.landmarks import FloatArray


@dataclass(frozen=True)
class Smoothing:
    """How much is smoothed.

    cutoff : Hz, of what rests; slope : Hz more for each unit a second that it moves by
    speed_cutoff : Hz, at which the speed itself is smoothed
    period : after which values begin anew, as those of an angle do at 180 degrees
    """

    cutoff: float = 1.5
    slope: float = 8.0
    speed_cutoff: float = 1.0
    period: float | None = None

    def __post_init__(self) -> None:
        if not (self.cutoff > 0 and self.slope >= 0 and self.speed_cutoff > 0):
            raise UsageError(f"smoothing needs positive frequencies, got {self}")

    def whole_periods(self, value: FloatArray) -> FloatArray | float:
        """The whole periods nearest to ``value``, to be taken off it."""
        return self.period * np.round(value / self.period) if self.period else 0.0


LANDMARKS = Smoothing()  # unit: the longer side of the face
POSE = Smoothing(cutoff=1.0, slope=0.08, period=360.0)  # unit: degrees


class OneEuro:
    """The filter's state for one array of values, whose shape stays the same."""

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._value: FloatArray | None = None
        self._speed: FloatArray | None = None
        self._seconds = 0.0

    def __call__(self, value: FloatArray, seconds: float, unit: float = 1.0) -> FloatArray:
        """``value``, taken at ``seconds``, smoothed by what came before.

        unit : of ``value`` in which the speed is measured. A time that does not go on from the last
        one starts anew.
        """
        step = seconds - self._seconds
        before, speed = self._value, self._speed
        self._seconds = seconds
        if before is None or speed is None or step <= 0:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        s = self._smoothing
        value = value - s.whole_periods(value - before)
        speed = speed + _share(s.speed_cutoff, step) * ((value - before) / (unit * step) - speed)
        share = _share(s.cutoff + s.slope * np.abs(speed), step)
        self._speed, self._value = speed, before + share * (value - before)
        return self._value - s.whole_periods(self._value)


def _share(cutoff: FloatArray | float, step: float) -> FloatArray | float:
    """Share of a new value after ``step`` seconds: 1 / (1 + tau / step), tau = 1 / (2 pi f)."""
    turns = 2 * np.pi * step * cutoff
    return turns / (1 + turns)
