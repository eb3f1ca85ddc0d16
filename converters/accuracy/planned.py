"""Int8 artifacts of one mixed-precision plan: chosen in simulation, made, measured, verified."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asmnet_edge.converters.accuracy.carry_out import Outcome, carry_out
from asmnet_edge.converters.accuracy.faces import Faces, Score, worse
from asmnet_edge.converters.accuracy.goal import Goal
from asmnet_edge.converters.accuracy.plan import planner_for, simulation_of
from asmnet_edge.converters.accuracy.repair import choose_repair
from asmnet_edge.converters.batch import Batch, JobResult, run_job
from asmnet_edge.converters.checks.arithmetics import open_in_both
from asmnet_edge.converters.checks.reference import reference_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.orders import ConversionJob
from asmnet_edge.converters.workshop import publish, staging_directory

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
    is for the caller to check: `asmnet_edge.converters.accuracy.goal.check`.
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
