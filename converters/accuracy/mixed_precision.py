"""Mixed-precision plan: the few blocks to keep in float so that int8 meets a goal.

Greedy search: keep the block that helps most in float, until the goal is met. Blocks are ranked by
deviation even if the goal is an NME drop: a deviation is never below the drop that it causes and
varies little from face to face, while a drop of hundredths of a per cent is lost in noise.

The search runs in simulation. Then the artifacts of all formats are converted by the plan and
scored; while one misses the goal, one more block stays in float.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from asmnet_edge.converters.accuracy.equalisation import choose_repair
from asmnet_edge.converters.accuracy.scores import Goal, Score, score, worse
from asmnet_edge.converters.accuracy.sensitivity import Judge
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.converters.batch import Batch, JobResult, run_job
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.checks.arithmetic import open_in_both
from asmnet_edge.converters.checks.parity import reference_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import ConversionJob
from asmnet_edge.converters.staging import publish, staging_directory
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.errors import UsageError

CANDIDATES = 3  # blocks to try at each step, the costliest of those left
ROOM = 0.95  # factor of the goal: selection on some faces is biased, others score a little worse
RANGED = 64  # crops to measure ranges on in simulation; artifacts use all
FAILED = Score(math.inf, math.inf)  # of an artifact that did not pass its check

# names of layers to keep in float -> scores of the artifacts converted so, by file name
Measure = Callable[[tuple[str, ...]], Mapping[str, Score]]
Report = Callable[[str], Any]  # called with a line of progress


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
    graph: InferenceGraph, calibration: CalibrationSet, faces: AnnotatedCrops, goal: Goal
) -> Planner:
    """Return the planner for the folded graph of ``graph``, repaired or not, on ``faces``."""
    return Planner(Judge(simulation_of(graph, calibration), faces), goal)


def simulation_of(graph: InferenceGraph, calibration: CalibrationSet) -> Simulation:
    """Return the simulation of the folded graph of ``graph``, repaired or not."""
    return Simulation(graph.model, calibration.crops[:RANGED], graph.repaired)


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


@dataclass(frozen=True)
class Planned:
    """Results of a planned conversion.

    outcome : the plan, and the scores of its artifacts on the faces that it was chosen on
    verified : scores on faces that nothing was chosen on, by file name
    """

    results: Sequence[JobResult]
    outcome: Outcome
    verified: Mapping[str, Score]


def convert_by_plan(
    jobs: Sequence[ConversionJob],
    batch: Batch,
    graph: InferenceGraph,
    faces: tuple[AnnotatedCrops, AnnotatedCrops],
    goal: Goal,
    report: Report = lambda text: None,
) -> Planned:
    """Carry out int8 ``jobs`` with as few blocks in float as ``goal`` needs, repaired if it helps.

    faces : to choose on and to verify on, see `faces_to_judge`. All formats keep the same layers in
    float. The best artifacts found are published; whether they meet the goal on the second faces is
    for the caller to check: `asmnet_edge.converters.accuracy.scores.check`.
    """
    with staging_directory(batch.folder) as staging:  # artifacts of rejected plans stay in here
        attempt = _Attempts(jobs, replace(batch, folder=staging), graph, goal, report)
        planned = attempt.best(*faces)
        return replace(planned, results=[_publish(r, batch.folder) for r in planned.results])


def _publish(result: JobResult, folder: Path) -> JobResult:
    """Publish the artifact of ``result``; one that failed its check has left no file."""
    manifest = result.manifest and publish(result.path, result.manifest, folder)
    return replace(result, path=folder / result.path.name, manifest=manifest)


@dataclass
class _Attempts:
    """Artifacts of one plan after another, all kept until the best plan is known."""

    jobs: Sequence[ConversionJob]
    batch: Batch
    graph: InferenceGraph
    goal: Goal
    report: Report
    results: dict[tuple[str, ...], list[JobResult]] = field(default_factory=dict)

    def best(self, choosing: AnnotatedCrops, verifying: AnnotatedCrops) -> Planned:
        """Convert by plans chosen on ``choosing`` until one meets the goal."""
        calibration = self.batch.calibration
        self.report("simulating int8, and repairs of the weights")
        repair = choose_repair(simulation_of(self.graph, calibration), choosing)
        self.graph = repair.apply(self.graph)
        self.report(f"repair: {repair.name}; simulating each block")
        planner = planner_for(self.graph, calibration, choosing, self.goal)
        plan = planner.plan()
        expected, before = plan.expected.deviation, plan.before.deviation
        self.report(f"expected deviation {expected:.3f} %, with all in int8 {before:.3f} %")
        outcome = carry_out(planner, plan, lambda keep: self.convert(keep, choosing))
        results = self.results[outcome.plan.keep_float]
        return Planned(results, outcome, scores_of(results, self.graph, verifying))

    def convert(self, keep: tuple[str, ...], faces: AnnotatedCrops) -> Mapping[str, Score]:
        """Carry out all jobs with layers ``keep`` in float; return their scores on ``faces``."""
        self.report(f"converting, in float: {', '.join(keep) or 'nothing beside the heads'}")
        folder = self.batch.folder / str(len(self.results))
        folder.mkdir()
        batch = replace(self.batch, folder=folder)
        jobs = [replace(job, keep_float=keep) for job in self.jobs]
        self.results[keep] = [run_job(job, batch, self.graph) for job in jobs]
        return scores_of(self.results[keep], self.graph, faces)


def scores_of(
    results: Sequence[JobResult], graph: InferenceGraph, faces: AnnotatedCrops
) -> dict[str, Score]:
    """Return the score of each artifact on ``faces`` in its worse arithmetic, by file name."""
    reference = reference_of(graph.model, faces.crops)[0]

    def worst(path: Path) -> Score:
        outputs = open_in_both(path).run(faces.crops)
        return worse(*(score(faces, landmarks, reference) for landmarks, _ in outputs.values()))

    return {r.path.name: FAILED if r.failure else worst(r.path) for r in results}
