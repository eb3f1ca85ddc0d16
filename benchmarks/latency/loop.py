"""Interleaved measuring: cases take turns, so that a drifting machine slows all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from asmnet_edge.benchmarks.device.sensors import read_sensors
from asmnet_edge.benchmarks.failure import failure
from asmnet_edge.benchmarks.latency.figures import Latency
from asmnet_edge.benchmarks.latency.plan import LatencyPlan
from asmnet_edge.benchmarks.latency.turn import Turn
from asmnet_edge.benchmarks.latency.watch import note_of
from asmnet_edge.benchmarks.latency.yardstick import yardstick
from asmnet_edge.benchmarks.record_types import RoundNote, WarmUp


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
    rows: Sequence[Timed],
    plan: LatencyPlan,
    tick: Callable[[], None],
    timings: Sequence[Timings] | None = None,
) -> Sequence[Timings]:
    """Warm up and measure each of ``rows`` into ``timings``; ``tick`` is called after every turn.

    The order is drawn anew for each round, so that none always follows the same one. A case that
    fails is left out from there on. ``timings`` are filled as it goes, so that an interruption
    keeps what was measured.
    """
    timings = [Timings() for _ in rows] if timings is None else timings
    for row, its in zip(rows, timings, strict=True):
        _guarded(its, lambda row=row, its=its: _warm(row, its, plan))  # type: ignore[misc]
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.rounds):
        for number in rng.permutation(len(rows)):
            row, its = rows[number], timings[number]
            _guarded(its, lambda row=row, its=its: _turn(row, its, plan))  # type: ignore[misc]
            tick()
    return timings


def _guarded(its: Timings, step: Callable[[], None]) -> None:
    if its.error is None:
        try:
            step()
        except Exception as error:  # whatever it is, it is this case's failure
            its.error = failure(error)


def _warm(row: Timed, its: Timings, plan: LatencyPlan) -> None:
    its.warm_up = row.warm_up(plan.warmup_seconds)


def _turn(row: Timed, its: Timings, plan: LatencyPlan) -> None:
    speed, before = yardstick(its.cpus), read_sensors()
    turn = row.turn(*plan.turn)
    after = read_sensors()
    its.notes.append(note_of(turn, before, after, [*speed, *yardstick(its.cpus)]))
    its.turns.append(turn)
