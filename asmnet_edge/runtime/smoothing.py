"""The One-Euro filter: strong smoothing of a face at rest, little delay when it moves.

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
    """Parameters of the filter.

    cutoff : cut-off frequency at rest, in Hz; slope : Hz more for each unit per second of speed
    speed_cutoff : cut-off frequency of the speed itself, in Hz
    period : of values that wrap around, such as 360 for angles in degrees; None for others
    """

    cutoff: float = 1.5
    slope: float = 8.0
    speed_cutoff: float = 1.0
    period: float | None = None

    def __post_init__(self) -> None:
        if not (self.cutoff > 0 and self.slope >= 0 and self.speed_cutoff > 0):
            raise UsageError(f"smoothing needs positive frequencies, got {self}")

    def whole_periods(self, value: FloatArray) -> FloatArray | float:
        """Return the whole periods nearest to ``value``, to be subtracted from it."""
        return self.period * np.round(value / self.period) if self.period else 0.0


LANDMARKS = Smoothing()  # unit: the longer side of the face
POSE = Smoothing(cutoff=1.0, slope=0.08, period=360.0)  # unit: degrees


class OneEuro:
    """The filter's state for one array of values of a fixed shape."""

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._value: FloatArray | None = None
        self._speed: FloatArray | None = None
        self._seconds = 0.0

    def __call__(self, value: FloatArray, seconds: float, unit: float = 1.0) -> FloatArray:
        """Return ``value``, taken at ``seconds``, smoothed by the previous values.

        unit : of ``value`` in which the speed is measured
        A time that is not later than the previous one starts the filter anew.
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
    """Return the weight of a new value: 1 / (1 + tau / step), tau = 1 / (2 pi f)."""
    turns = 2 * np.pi * step * cutoff
    return turns / (1 + turns)
