"""Mixed-precision plan: the few blocks to keep in float so that int8 meets a goal.

Greedy search: keep the block that helps most in float, until the goal is met. Blocks are ranked by
deviation even if the goal is an NME drop: a deviation is never below the drop that it causes and
varies little from face to face, while a drop of hundredths of a per cent is lost in noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from asmnet_edge.converters.accuracy.faces import Faces, Score
from asmnet_edge.converters.accuracy.goal import Goal
from asmnet_edge.converters.accuracy.sensitivity import Judge
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.converters.calibration.crops import CalibrationSet
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.errors import UsageError

CANDIDATES = 3  # blocks to try at each step, the costliest of those left
ROOM = 0.95  # factor of the goal: selection on some faces is biased, others score a little worse
RANGED = 64  # crops to measure ranges on in simulation; artifacts use all


@dataclass(frozen=True)
class Plan:
    """Blocks to keep in float.

    faces : number of faces that the plan was chosen on
    before, expected : simulated score on these with no block and with ``blocks`` in float
    blocks : in the order in which they were chosen; keep_float : names of their layers
    multiply_adds : share that stays in float, 0 to 1
    """

    goal: Goal
    faces: int
    before: Score
    expected: Score
    blocks: tuple[str, ...] = ()
    keep_float: tuple[str, ...] = ()
    multiply_adds: float = 0.0

    @property
    def is_met(self) -> bool:
        """Whether the goal is expected to be met, with some margin (`ROOM`) for other faces."""
        return not self.goal.missed_by(self.expected, ROOM)

    def as_json(self) -> dict[str, Any]:
        return {
            "goal": self.goal.as_json(),
            "chosen_on": self.faces,
            "blocks": list(self.blocks),
            "keep_float": list(self.keep_float),
            "without": self.before.as_json(),
            "expected": self.expected.as_json(),
            "float_multiply_adds": round(self.multiply_adds, 4),
        }


@dataclass(frozen=True)
class Planner:
    """Search for the blocks to keep in float, by scores of ``judge`` on its faces."""

    judge: Judge
    goal: Goal

    @cached_property
    def blocks(self) -> dict[str, tuple[str, ...]]:
        """Blocks of the body and their layers; heads are in float anyway."""
        simulation = self.judge.simulation
        return {b: names for b, names in simulation.blocks.items() if simulation.body & set(names)}

    @cached_property
    def whole(self) -> Score:
        return self.judge.score(self.judge.simulation.body)

    def start(self) -> Plan:
        """Return the plan that keeps no block in float."""
        self.goal.check_faces(self.judge.faces)
        return Plan(self.goal, len(self.judge.faces), self.whole, self.whole)

    def plan(self, tick: Callable[[], None] = lambda: None) -> Plan:
        """Return the first greedy plan that is expected to meet the goal, else the last.

        ``tick`` is called after each step.
        """
        plan = self.start()
        while not plan.is_met and len(plan.blocks) < len(self.blocks):
            plan = self.one_more(plan)
            tick()
        return plan

    def one_more(self, plan: Plan) -> Plan:
        """Return ``plan`` with one more block: the one that helps most, of the costliest alone."""
        left = [b for b in self._ranking if b not in plan.blocks]
        if not left:
            raise UsageError("no block is left to keep in float")
        tried = [self._with(plan, block) for block in left[:CANDIDATES]]
        return min(tried, key=lambda other: other.expected.deviation)

    @cached_property
    def _ranking(self) -> list[str]:
        """Blocks by their cost alone in int8, the costliest first.

        Independent rounding errors add as squares. So the gain of keeping one block in float is
        small and hidden by the noise of the others; the cost of a block alone is not.
        """
        costs = {block: self.judge.score(names) for block, names in self.blocks.items()}
        return sorted(costs, key=lambda block: -costs[block].deviation)

    def _with(self, plan: Plan, block: str) -> Plan:
        blocks = (*plan.blocks, block)
        names = tuple(name for b in self.blocks if b in blocks for name in self.blocks[b])
        expected = self.judge.score(self.judge.simulation.body - set(names))
        return replace(
            plan,
            blocks=blocks,
            keep_float=names,
            expected=expected,
            multiply_adds=self.judge.simulation.share_of_multiply_adds(names),
        )


def planner_for(
    graph: InferenceGraph, calibration: CalibrationSet, faces: Faces, goal: Goal
) -> Planner:
    return Planner(Judge(simulation_of(graph, calibration), faces), goal)


def simulation_of(graph: InferenceGraph, calibration: CalibrationSet) -> Simulation:
    return Simulation(graph.model, calibration.crops[:RANGED], graph.repaired)
