"""Rows measured in turns, so that a machine that drifts or is shared slows all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from asmnet_edge.benchmarks.device.sensors import look
from asmnet_edge.benchmarks.failure import failure
from asmnet_edge.benchmarks.latency.figures import Latency
from asmnet_edge.benchmarks.latency.plan import LatencyPlan
from asmnet_edge.benchmarks.latency.turn import Turn, WarmUp
from asmnet_edge.benchmarks.latency.watch import Note, note_of
from asmnet_edge.benchmarks.latency.yardstick import yardstick


class Timed(Protocol):
    """What can be timed: in this process or, through a pipe, in one of its own."""

    def warm_up(self, seconds: float) -> WarmUp: ...

    def turn(self, queries: int, seconds: float) -> Turn: ...


@dataclass
class Taken:
    """What has been measured of one row so far.

    error : why it went no further; cpus : cores that it is held to, empty for all
    """

    warm_up: WarmUp | None = None
    turns: list[Turn] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    error: str | None = None
    cpus: tuple[int, ...] = ()
    _latency: Latency | None = None

    @property
    def latency(self) -> Latency | None:
        """None before the first turn has ended; the same object until there is another turn."""
        if self._latency is None or len(self._latency.rounds) != len(self.turns):
            told = [turn.samples for turn in self.turns]
            self._latency = Latency.of(told) if told else None
        return self._latency


def measure(
    rows: Sequence[Timed],
    plan: LatencyPlan,
    tick: Callable[[], None],
    taken: Sequence[Taken] | None = None,
) -> Sequence[Taken]:
    """Warm up and measure each of ``rows`` into ``taken``; ``tick`` is called for every turn.

    Their order is drawn anew for each round, so that none always follows the same one. A row that
    breaks is left out from there on. ``taken`` is filled as it goes, so that an
    interruption leaves what was measured.
    """
    taken = [Taken() for _ in rows] if taken is None else taken
    for row, its in zip(rows, taken, strict=True):
        _guarded(its, lambda row=row, its=its: _warm(row, its, plan))  # type: ignore[misc]
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.rounds):
        for number in rng.permutation(len(rows)):
            row, its = rows[number], taken[number]
            _guarded(its, lambda row=row, its=its: _turn(row, its, plan))  # type: ignore[misc]
            tick()
    return taken


def _guarded(its: Taken, step: Callable[[], None]) -> None:
    if its.error is None:
        try:
            step()
        except Exception as error:  # whatever it is, it is this row's failure
            its.error = failure(error)


def _warm(row: Timed, its: Taken, plan: LatencyPlan) -> None:
    its.warm_up = row.warm_up(plan.warmup_seconds)


def _turn(row: Timed, its: Taken, plan: LatencyPlan) -> None:
    speed, before = yardstick(its.cpus), look()
    turn = row.turn(*plan.turn)
    after = look()
    its.notes.append(note_of(turn, before, after, [*speed, *yardstick(its.cpus)]))
    its.turns.append(turn)
