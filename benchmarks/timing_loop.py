"""Timing of all cases of a run: interleaved rounds, and sustained load.

A case that fails is left out from there on, and its error kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Protocol

import numpy as np

from asmnet_edge.benchmarks.cases import LatencyPlan
from asmnet_edge.benchmarks.latency_statistics import Latency, heat, note_of
from asmnet_edge.benchmarks.machine import read_sensors
from asmnet_edge.benchmarks.record_types import RoundNote, SustainedPoint, SustainedResult, WarmUp
from asmnet_edge.benchmarks.timing import Turn, yardstick
from asmnet_edge.errors import AsmnetEdgeError
from asmnet_edge.runtime.monitoring import celsius


def failure(error: Exception) -> str:
    """Return the message of ``error``; for errors that are not ours, with its type."""
    message = str(error).strip()
    if isinstance(error, (AsmnetEdgeError, RuntimeError)) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


# Interleaved rounds: cases take turns, so that a drifting machine slows all of them alike


class Timed(Protocol):
    """A case that can be timed, in this process or, through a pipe, in one of its own."""

    def warm_up(self, seconds: float) -> WarmUp: ...

    def turn(self, queries: int, seconds: float) -> Turn: ...


@dataclass
class Timings:
    """Latency samples of one case so far.

    error : why it was measured no further; cpus : cores that it is pinned to, empty for any
    """

    warm_up: WarmUp | None = None
    turns: list[Turn] = field(default_factory=list)
    notes: list[RoundNote] = field(default_factory=list)
    error: str | None = None
    cpus: tuple[int, ...] = ()
    _latency: Latency | None = None

    @property
    def latency(self) -> Latency | None:
        """None before the first round has ended; the same object until the next one has."""
        if self._latency is None or len(self._latency.rounds) != len(self.turns):
            rounds = [turn.samples for turn in self.turns]
            self._latency = Latency.of(rounds) if rounds else None
        return self._latency


def measure(
    runners: Sequence[Timed],
    plan: LatencyPlan,
    tick: Callable[[], None],
    timings: Sequence[Timings] | None = None,
) -> Sequence[Timings]:
    """Warm up and time each of ``runners`` into ``timings``; ``tick`` is called after every turn.

    The order is random in each round, so that none always follows the same one. A case that
    fails is left out from there on. ``timings`` are filled as it goes, so that an interruption
    keeps the results so far.
    """
    timings = [Timings() for _ in runners] if timings is None else timings
    for runner, its in zip(runners, timings, strict=True):
        _guarded(its, lambda runner=runner, its=its: _warm(runner, its, plan))  # type: ignore[misc]
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.rounds):
        for number in rng.permutation(len(runners)):
            runner, its = runners[number], timings[number]
            _guarded(its, lambda runner=runner, its=its: _turn(runner, its, plan))  # type: ignore[misc]
            tick()
    return timings


def _guarded(its: Timings, step: Callable[[], None]) -> None:
    if its.error is None:
        try:
            step()
        except Exception as error:  # whatever it is, it is this case's failure
            its.error = failure(error)


def _warm(runner: Timed, its: Timings, plan: LatencyPlan) -> None:
    its.warm_up = runner.warm_up(plan.warmup_seconds)


def _turn(runner: Timed, its: Timings, plan: LatencyPlan) -> None:
    speed, before = yardstick(its.cpus), read_sensors()
    turn = runner.turn(*plan.turn)
    after = read_sensors()
    its.notes.append(note_of(turn, before, after, [*speed, *yardstick(its.cpus)]))
    its.turns.append(turn)


# Sustained latency: a curve over many minutes, for machines that throttle when they are hot

POINTS = 600  # of the curve at most; none is shorter than a second
MINUTE = 60.0
SLOWER = 0.05  # last minute against the first
NEAR, COOLING, PAUSE = 2.0, 600.0, 2.0  # degrees; seconds to wait at most, and between readings


def sustain(
    runner: Timed,
    seconds: float,
    tick: Callable[[], None],
    points: list[SustainedPoint] | None = None,
    cpus: Sequence[int] = (),
) -> list[SustainedPoint]:
    """Call ``runner`` without a break for ``seconds``; return a point of the curve each `step_of`.

    ``points`` is filled as it goes. ``tick`` is called for each. cpus : as of `yardstick`.
    """
    points = [] if points is None else points
    step, speed, start = step_of(seconds), yardstick(cpus), monotonic()
    while (past := monotonic() - start) < seconds:
        before, turn = read_sensors(), runner.turn(1, min(step, seconds - past))
        p50, p90 = np.percentile(turn.samples, (50, 90))
        note = note_of(turn, before, read_sensors(), speed)
        points.append(
            SustainedPoint(
                at=round(past, 2),
                p50=float(p50),
                p90=float(p90),
                calls=len(turn.samples),
                **vars(note),
            )
        )
        tick()
    return points


def step_of(seconds: float) -> float:
    """Seconds that one point of a curve of ``seconds`` covers."""
    return max(1.0, seconds / POINTS)


def cool_down(goal: float | None, most: float) -> float:
    """Wait until the machine is near ``goal`` degrees Celsius; return the seconds waited.

    most : seconds to wait at most, and never more than `COOLING`; without a thermometer none
    """
    start, most = monotonic(), min(most, COOLING)
    while goal is not None and (celsius() or goal) > goal + NEAR:
        if monotonic() >= start + most:
            break
        sleep(PAUSE)
    return monotonic() - start


def summary(points: Sequence[SustainedPoint], cooled: float | None = None) -> SustainedResult:
    """Compare the first minute with the last; a run of less than two minutes is halved instead.

    cooled : seconds waited before the first point
    """
    end = points[-1].at + points[-1].seconds
    part = min(MINUTE, end / 2)
    first = [p.p50 for p in points if p.at < part]
    last = [p.p50 for p in points if p.at >= end - part] or [points[-1].p50]
    before, after = float(np.median(first)), float(np.median(last))
    return SustainedResult(
        seconds=round(end, 1),
        compared_seconds=round(part, 1),
        start_celsius=points[0].celsius_before,
        first_p50=before,
        last_p50=after,
        change_percent=100 * (after / before - 1),
        slower=after / before - 1 > SLOWER,
        points=tuple(points),
        cooled_seconds=None if cooled is None else round(cooled, 1),
    )


def throttled(result: SustainedResult) -> list[str]:
    """Return in words how the machine slowed down or overheated; empty if it did not."""
    change = f"p50 went from {result.first_p50:.2f} to {result.last_p50:.2f} ms"
    reasons = [change] if result.slower else []
    return [f"sustained, {reason}" for reason in [*reasons, *heat(result.points)]]
