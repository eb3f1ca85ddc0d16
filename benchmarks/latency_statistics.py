"""Statistics of latency samples: percentiles, intervals, and reasons to distrust them.

Intervals: 95 % bootstrap over *rounds*, not over samples, since neighbouring calls share whatever
the machine was doing: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.benchmarks.machine import (
    LOW_BATTERY,
    PowerSupply,
    Sensors,
    slowed_between,
    throttle_words,
)
from asmnet_edge.benchmarks.record_types import Interval, LatencyResult, RoundNote, WarmUp
from asmnet_edge.benchmarks.timing import Turn

PERCENTILES = (10, 50, 90, 99)  # p10, p50, p90 and p99 of a record
RESAMPLES = 1000
AT_ONCE = 1000  # samples that are resampled at once, which bounds the memory
LEVEL = (2.5, 97.5)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Latency:
    """Samples of one case in milliseconds, round by round; none is ever dropped."""

    rounds: tuple[Floats, ...]

    @classmethod
    def of(cls, rounds: Sequence[Sequence[float]]) -> Latency:
        return cls(tuple(np.asarray(r, np.float64) for r in rounds if len(r)))

    @property
    def samples(self) -> Floats:
        """All samples in the order they were measured."""
        return np.concatenate(self.rounds)

    @property
    def medians(self) -> Floats:
        """Median of each round, (rounds,)."""
        return np.array([np.median(r) for r in self.rounds])

    def percentile(self, percent: float) -> float:
        return float(np.percentile(self.samples, percent))

    def intervals(self) -> dict[str, Interval]:
        """95 % interval of each percentile, mean and throughput; empty with fewer than 3 rounds."""
        return self._intervals

    @cached_property
    def _intervals(self) -> dict[str, Interval]:
        if (count := len(self.rounds)) < 3:
            return {}
        level, draws = level_of(count), resampled(self, drawn_rounds(count))
        bounds = {name: np.percentile(values, level).tolist() for name, values in draws.items()}
        found: dict[str, Interval] = {name: (low, high) for name, (low, high) in bounds.items()}
        low, high = found["mean"]
        return {**found, "throughput": (1e3 / high, 1e3 / low)}

    def result(
        self,
        lead_in: Sequence[Sequence[float]] = (),
        warm_up: WarmUp | None = None,
        notes: Sequence[RoundNote] = (),
    ) -> LatencyResult:
        """Return the samples and their statistics, with the notes on the rounds."""
        mean = float(self.samples.mean())
        return LatencyResult(
            **{f"p{percent}": self.percentile(percent) for percent in PERCENTILES},
            mean=mean,
            throughput=1e3 / mean,
            intervals=self.intervals(),
            calls=len(self.samples),
            rounds=tuple(_rounded(each.tolist()) for each in self.rounds),
            lead_in=tuple(map(_rounded, lead_in)),
            warm_up=warm_up,
            notes=tuple(notes),
        )


def _rounded(samples: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(sample, 4) for sample in samples)


def level_of(rounds: int) -> tuple[float, float]:
    """Return the percentiles of the resamples that bound a 95 % interval over ``rounds`` >= 3.

    The plain ones, `LEVEL`, hold the mean of 8 normal rounds 87 times of 100, these 93: the
    bootstrap takes their spread over n, not n - 1, and as if it were known. This is the expanded
    percentile interval of Hesterberg, "What Teachers Should Know About the Bootstrap", The American
    Statistician 69(4), 2015.
    """
    tail = NormalDist().cdf(-sqrt(rounds / (rounds - 1)) * student_t(rounds - 1))
    return 100 * tail, 100 * (1 - tail)


def student_t(freedom: int) -> float:
    """97.5 % point of Student's t with ``freedom`` >= 2 degrees of freedom, within 1 %.

    Abramowitz & Stegun, "Handbook of Mathematical Functions", 1964, 26.7.5.
    """
    z, v = NormalDist().inv_cdf(LEVEL[1] / 100), freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def drawn_rounds(count: int, seed: int = 0) -> NDArray[np.intp]:
    """Draw the rounds of each resample, (RESAMPLES, count)."""
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))


def resampled(latency: Latency, draws: NDArray[np.intp]) -> dict[str, Floats]:
    """Return percentiles and mean of each of the ``draws`` (resamples, rounds) of whole rounds.

    Samples are sorted once: a round that is drawn k times weighs its samples k-fold.
    """
    samples, owner = latency.samples, _owners(latency)
    order = np.argsort(samples, kind="stable")
    ranked, owner = samples[order], owner[order]
    sizes = np.array([len(r) for r in latency.rounds])
    sums = np.array([r.sum() for r in latency.rounds])
    weights = (draws[..., None] == np.arange(len(sizes))).sum(axis=1)  # (resamples, rounds)
    parts = min(len(draws), 1 + samples.size // AT_ONCE)
    places = [_places(part, owner) for part in np.array_split(weights, parts)]
    values = ranked[np.concatenate(places)]
    found = {f"p{percent}": values[:, n] for n, percent in enumerate(PERCENTILES)}
    return {**found, "mean": weights @ sums / (weights @ sizes)}


def _places(weights: NDArray[np.intp], owner: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the percentiles are among the ranked samples, (resamples, percentiles)."""
    reached = np.cumsum(weights[:, owner], axis=1)
    goals = np.outer(reached[:, -1], np.array(PERCENTILES) / 100)
    found = [np.searchsorted(r, goal) for r, goal in zip(reached, goals, strict=True)]
    return np.minimum(np.stack(found), len(owner) - 1)


def _owners(latency: Latency) -> NDArray[np.intp]:
    return np.repeat(np.arange(len(latency.rounds)), [len(r) for r in latency.rounds])


# Reasons to distrust samples: the machine in each round, and the samples themselves

SPREAD = 1.5  # p90 over p50
DRIFT = 0.05  # change of the median between the halves of a run
KNOWN = 0.05  # width of the median's interval, of the median
OTHERS = 0.15  # cores that other processes kept busy, on average
STOLEN = 0.02  # cores that a virtual machine's host took
SLOWER = 0.05  # change of frequency or of the yardstick while measuring
HOT = 80.0  # degrees Celsius; a Raspberry Pi begins to slow down there
WAITED = 0.05  # share of a single thread's time in which it did not run


def note_of(turn: Turn, before: Sensors, after: Sensors, yardstick: Sequence[float]) -> RoundNote:
    """Summarise one round between two sensor readings; yardstick : its times in ms around it."""
    others = None
    if before.busy is not None and after.busy is not None:
        others = max(0.0, after.busy - before.busy - turn.cpu) / turn.wall
    stolen = None
    if before.stolen is not None and after.stolen is not None:
        stolen = max(0.0, after.stolen - before.stolen) / turn.wall
    return RoundNote(
        seconds=round(turn.wall, 4),
        cpu_seconds=round(turn.cpu, 4),
        preemptions=turn.preemptions,
        others_cores=None if others is None else round(others, 3),
        stolen_cores=None if stolen is None else round(stolen, 3),
        mhz=after.mhz,
        celsius_before=before.celsius,
        celsius=after.celsius,
        throttled=after.throttled,
        slowed=slowed_between(before.throttled, after.throttled),
        yardstick_ms=round(float(np.median(yardstick)), 4),
    )


def unsteady(latency: Latency, notes: Sequence[RoundNote], threads: int | None) -> list[str]:
    """Return the reasons to distrust the samples; empty when there are none."""
    return [*_in_samples(latency), *_in_machine(notes, threads)]


def _in_samples(latency: Latency) -> list[str]:
    reasons, middle = [], latency.percentile(50)
    spread = latency.percentile(90) / middle
    if spread > SPREAD:
        reasons.append(f"p90 is {spread:.2f} times p50")
    first, last = (float(np.median(half)) for half in np.array_split(latency.samples, 2))
    if abs(last / first - 1) > DRIFT:
        reasons.append(f"the median moved by {100 * (last / first - 1):+.0f} % while measuring")
    low, high = latency.intervals().get("p50", (middle, middle))
    if (width := (high - low) / middle) > KNOWN:
        reasons.append(f"p50's interval is {100 * width:.0f} % wide, its rounds differ")
    return reasons


def _in_machine(notes: Sequence[RoundNote], threads: int | None) -> list[str]:
    if not notes:
        return []
    reasons = []
    if (others := _mean(notes, "others_cores")) > OTHERS:
        reasons.append(f"other processes kept {others:.1f} cores busy")
    if (stolen := _mean(notes, "stolen_cores")) > STOLEN:
        reasons.append(f"the virtual machine's host took {stolen:.2f} cores away")
    waited = 1 - sum(n.cpu_seconds for n in notes) / max(sum(n.seconds for n in notes), 1e-9)
    if threads == 1 and waited > WAITED:
        reasons.append(f"it had to wait for the processor {100 * waited:.0f} % of the time")
    for key, what in (("mhz", "the frequency"), ("yardstick_ms", "a fixed piece of work")):
        reasons += _moved(notes, key, what)
    return reasons + heat(notes)


def heat(notes: Sequence[RoundNote]) -> list[str]:
    """Return whether the board was hot, and the throttling that it reports, in words."""
    hottest = max((note.celsius for note in notes if note.celsius), default=0.0)
    reasons = [f"it was hot: {hottest:.0f} °C"] if hottest >= HOT else []
    flags = {word for note in notes for word in throttle_words(note.slowed)}
    return reasons + [f"the board reports: {word}" for word in sorted(flags)]


def _moved(notes: Sequence[RoundNote], key: str, what: str) -> list[str]:
    """Report a drift by the interquartile range, in which single outliers do not count."""
    values = [value for note in notes if (value := getattr(note, key))]
    if len(values) < 4:
        return []
    low, middle, high = np.percentile(values, (25, 50, 75))
    change = (high - low) / middle
    unit = "MHz" if key == "mhz" else "ms"
    return [f"{what} went from {low:.4g} to {high:.4g} {unit}"] if change > SLOWER else []


def _mean(notes: Sequence[RoundNote], key: str) -> float:
    """Mean of ``key`` over time; 0 where the system does not report it."""
    values = [(getattr(note, key), note.seconds) for note in notes]
    known = [(value, seconds) for value, seconds in values if value is not None]
    total = sum(seconds for _, seconds in known)
    return sum(value * seconds for value, seconds in known) / total if total else 0.0


def power_warning(power: PowerSupply) -> str | None:
    """Return a warning where a low battery may slow the machine down."""
    percent = power.battery_percent
    if power.source != "battery" or percent is None or percent > LOW_BATTERY:
        return None
    return f"running on a battery at {percent:.0f} %"
