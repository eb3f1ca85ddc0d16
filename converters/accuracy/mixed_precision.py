"""Mixed-precision plan: the few blocks to keep in float so that int8 meets a goal.

Greedy search: keep the block that helps most in float, until the goal is met. Blocks are ranked by
deviation even if the goal is an NME drop: a deviation is never below the drop that it causes and
varies little from face to face, while a drop of hundredths of a per cent is lost in noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from asmnet_edge.converters.accuracy.equalisation import choose_repair
from asmnet_edge.converters.accuracy.scores import Faces, Goal, Score, worse
from asmnet_edge.converters.accuracy.sensitivity import Judge
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.converters.batch import Batch, JobResult, run_job
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.checks.arithmetic import open_in_both
from asmnet_edge.converters.checks.parity import reference_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import ConversionJob
from asmnet_edge.converters.staging import publish, staging_directory
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


# Execution of a plan: artifacts of all formats, measured on the faces it was chosen on

Measure = Callable[[tuple[str, ...]], Mapping[str, Score]]


@dataclass(frozen=True)
class Outcome:
    """An executed plan and the scores of its artifacts on the planner's faces, by file name."""

    plan: Plan
    scores: Mapping[str, Score]

    @property
    def worst(self) -> tuple[str, dict[str, float]]:
        """Artifact furthest from the goal and its excess in % by limit; {} if all meet the goal."""
        missed = {name: self.plan.goal.missed_by(score) for name, score in self.scores.items()}
        name = max(missed, key=lambda n: max(missed[n].values(), default=0.0))
        return name, missed[name]


def carry_out(planner: Planner, plan: Plan, measure: Measure, tries: int = 4) -> Outcome:
    """Execute ``plan``; keep one more block in float while an artifact misses the goal.

    measure : converts to all formats with the given layers in float and returns the score of each
    artifact on the planner's faces. After ``tries`` plans the best outcome is returned.
    """
    outcomes = [Outcome(plan, measure(plan.keep_float))]
    for _ in range(min(tries - 1, len(planner.blocks) - len(plan.blocks))):
        if not outcomes[-1].worst[1]:
            break
        plan = planner.one_more(plan)
        outcomes.append(Outcome(plan, measure(plan.keep_float)))
    return outcomes[-1] if not outcomes[-1].worst[1] else best_of(outcomes)


def best_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome whose worst artifact is nearest to the goal."""
    return min(outcomes, key=lambda outcome: max(outcome.worst[1].values(), default=0.0))


# Int8 artifacts of one mixed-precision plan: chosen in simulation, made, measured, verified

FAILED = Score(math.inf, math.inf)  # an artifact that did not pass its own check
Tell = Callable[[str], Any]


@dataclass(frozen=True)
class Planned:
    """What came of a plan: the artifacts, and their cost on faces that nothing was chosen on."""

    made: Sequence[JobResult]
    outcome: Outcome
    verified: Mapping[str, Score]


def make_planned(
    orders: Sequence[ConversionJob],
    batch: Batch,
    graph: InferenceGraph,
    faces: tuple[Faces, Faces],
    goal: Goal,
    tell: Tell = lambda text: None,
) -> Planned:
    """Carry out int8 ``orders``, repaired if that helps, with as few blocks in float as they need.

    faces : to choose on and to verify on, as `faces_to_judge` gives them. All formats keep the same
    layers. What was made is the best that was found; whether it keeps the goal on the second faces
    is for the caller to check: `asmnet_edge.converters.accuracy.scores.check`.
    """
    with staging_directory(
        batch.folder
    ) as staging:  # tries that miss the goal never get an artifact's name
        planned = _planned(orders, replace(batch, folder=staging), graph, faces, goal, tell)
        return replace(planned, made=[_named(one, batch.folder) for one in planned.made])


def _named(made: JobResult, folder: Path) -> JobResult:
    """``made``, moved to where it belongs; what failed its check left no file to move."""
    manifest = made.manifest and publish(made.path, made.manifest, folder)
    return replace(made, path=folder / made.path.name, manifest=manifest)


def _planned(
    orders: Sequence[ConversionJob],
    batch: Batch,
    graph: InferenceGraph,
    faces: tuple[Faces, Faces],
    goal: Goal,
    tell: Tell,
) -> Planned:
    choosing, verifying = faces
    tell("simulating int8, and repairs of the weights")
    repair = choose_repair(simulation_of(graph, batch.calibration), choosing)
    graph = repair.apply(graph)
    tell(f"repair: {repair.name}; simulating each block")
    made: dict[tuple[str, ...], list[JobResult]] = {}

    def measure(keep: tuple[str, ...]) -> Mapping[str, Score]:
        tell(f"making artifacts, in float: {', '.join(keep) or 'nothing beside the heads'}")
        folder = batch.folder / str(len(made))  # each try keeps its files until the best is known
        folder.mkdir()
        own = replace(batch, folder=folder)
        made[keep] = [run_job(replace(order, keep_float=keep), own, graph) for order in orders]
        return scores(made[keep], graph, choosing)

    planner = planner_for(graph, batch.calibration, choosing, goal)
    plan = planner.plan()
    expected, before = plan.expected.deviation, plan.before.deviation
    tell(f"expected deviation {expected:.3f} %, instead of {before:.3f} % with all in int8")
    outcome = carry_out(planner, plan, measure)
    results = made[outcome.plan.keep_float]
    return Planned(results, outcome, scores(results, graph, verifying))


def scores(made: Sequence[JobResult], graph: InferenceGraph, faces: Faces) -> dict[str, Score]:
    """The cost of each artifact on ``faces``, in its worse arithmetic, by its file's name."""
    reference = reference_of(graph.model, faces.crops)[0]

    def score(path: Path) -> Score:
        outputs = open_in_both(path).run(faces.crops)
        return worse(*(faces.score(landmarks, reference) for landmarks, _ in outputs.values()))

    return {one.path.name: FAILED if one.failure else score(one.path) for one in made}
