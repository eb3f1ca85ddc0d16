"""What the samples of a row say: percentiles, throughput, and how well they are known.

Intervals: 95 % bootstrap over *rounds*, not over samples, since neighbouring calls share whatever
the machine was doing: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (10, 50, 90, 99)
RESAMPLES = 1000
LEVEL = (2.5, 97.5)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Latency:
    """Samples of one row in milliseconds, round by round; none is ever dropped."""

    rounds: tuple[Floats, ...]

    @classmethod
    def of(cls, rounds: Sequence[Sequence[float]]) -> Latency:
        return cls(tuple(np.asarray(r, np.float64) for r in rounds if len(r)))

    @property
    def samples(self) -> Floats:
        """All samples in the order they were taken."""
        return np.concatenate(self.rounds)

    @property
    def medians(self) -> Floats:
        """Of each round, (rounds,)."""
        return np.array([np.median(r) for r in self.rounds])

    def percentile(self, percent: float) -> float:
        return float(np.percentile(self.samples, percent))

    def intervals(self) -> dict[str, list[float]]:
        """Of each percentile, the mean and the throughput; empty with fewer than three rounds."""
        if len(self.rounds) < 3:
            return {}
        draws = resampled(self, drawn_rounds(len(self.rounds)))
        found = {name: np.percentile(values, LEVEL).tolist() for name, values in draws.items()}
        return {**found, "throughput": [1e3 / value for value in reversed(found["mean"])]}

    def as_json(self) -> dict[str, Any]:
        """Milliseconds; throughput in calls a second, one after the other."""
        mean = float(self.samples.mean())
        return {
            **{f"p{percent}": self.percentile(percent) for percent in PERCENTILES},
            "mean": mean,
            "throughput": 1e3 / mean,
            "intervals": self.intervals(),
            "calls": len(self.samples),
            "rounds": [[round(s, 4) for s in r.tolist()] for r in self.rounds],
        }


def drawn_rounds(count: int, seed: int = 0) -> NDArray[np.intp]:
    """Which rounds each resample takes, (RESAMPLES, count)."""
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))


def resampled(latency: Latency, draws: NDArray[np.intp]) -> dict[str, Floats]:
    """Percentiles and mean of each of the ``draws`` (resamples, rounds) of whole rounds.

    Sorted once: a round that is drawn k times weighs its samples k-fold.
    """
    samples, owner = latency.samples, _owners(latency)
    order = np.argsort(samples, kind="stable")
    ranked, owner = samples[order], owner[order]
    sizes = np.array([len(r) for r in latency.rounds])
    sums = np.array([r.sum() for r in latency.rounds])
    found: dict[str, list[float]] = {**{f"p{p}": [] for p in PERCENTILES}, "mean": []}
    for draw in draws:
        weight = np.bincount(draw, minlength=len(sizes))
        reached = np.cumsum(weight[owner])
        for percent in PERCENTILES:
            place = np.searchsorted(reached, percent / 100 * reached[-1])
            found[f"p{percent}"].append(float(ranked[min(place, len(ranked) - 1)]))
        found["mean"].append(float(weight @ sums / (weight @ sizes)))
    return {name: np.array(values) for name, values in found.items()}


def _owners(latency: Latency) -> NDArray[np.intp]:
    return np.repeat(np.arange(len(latency.rounds)), [len(r) for r in latency.rounds])
