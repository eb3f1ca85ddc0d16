"""``asmnet-edge convert``: the artifacts made, one after another or several at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from asmnet_edge.cli.terminal import BrokenFaces, notes, silenced

if TYPE_CHECKING:
    from asmnet_edge.converters.accuracy.goal import Goal
    from asmnet_edge.converters.batch import Job, Made
    from asmnet_edge.converters.calibration.crops import CalibrationSet
    from asmnet_edge.converters.calibration.sources import FaceSource
    from asmnet_edge.converters.orders import Order
    from asmnet_edge.training.floatmodel import FloatModel


def carry_out(
    orders: list[Order],
    source: Path,
    output: Path,
    people: FaceSource,
    jobs: int,
    resume: bool,
    goal: Goal | None,
) -> tuple[list[Made], Callable[[], None]]:
    """What was made, and the check of the ``goal``, for when it has been shown."""
    from asmnet_edge.cli.convert.plan import make_to_goal
    from asmnet_edge.converters.batch import Job
    from asmnet_edge.training.floatmodel import load_float_model

    with silenced():
        model = load_float_model(source)
    job = Job(source, _calibrate(people, model, orders), output, source.stem)
    aimed = [order for order in orders if goal and order.is_calibrated]
    plain = [order for order in orders if order not in aimed]
    kept = _kept(plain, job, model) if resume else []
    there = [one.order for one in kept]
    left = [order for order in plain if order not in there]
    made = _at_once(left, job, jobs) if jobs > 1 and left else _in_turns(left, job, model)
    planned: list[Made] = []
    check: Callable[[], None] = lambda: None  # noqa: E731
    if goal:
        planned, check = make_to_goal(aimed, job, model, people, goal)
    names = [order.path(output, source.stem) for order in orders]
    return sorted([*kept, *made, *planned], key=lambda one: names.index(one.path)), check


def _calibrate(people: FaceSource, model: FloatModel, orders: list[Order]) -> CalibrationSet:
    """The faces, and a note on where they come from; float artifacts are only checked on some."""
    from dataclasses import replace

    from asmnet_edge.converters.calibration.crops import CHECKED
    from asmnet_edge.converters.calibration.sources import DRAWN

    if not any(order.is_calibrated for order in orders):
        people = replace(people, count=CHECKED)
    elif people.words == DRAWN:
        notes.print("Calibrating int8 on drawn faces; with real ones (--data) it loses less.")
    unused, start = BrokenFaces("skip" if people.is_unlabelled else "refuse"), perf_counter()
    with silenced():
        found = people.calibration(model, unused, lambda faces: faces)
    unused.report()
    notes.print(f"{len(found.crops)} faces of {found.source} ... {perf_counter() - start:.1f} s")
    return found


def _kept(orders: list[Order], job: Job, model: FloatModel) -> list[Made]:
    from asmnet_edge.converters.batch import Made
    from asmnet_edge.converters.resume import keep

    kept = []
    for order in orders:
        with silenced():
            manifest = keep(order, job.folder, job.stem, model.source_sha256, job.calibration)
        if manifest:
            kept.append(Made(order, order.path(job.folder, job.stem), manifest))
    names = ", ".join(one.path.name for one in kept)
    notes.print(f"kept: {names or 'nothing'}", soft_wrap=True)
    return kept


def _in_turns(orders: list[Order], job: Job, model: FloatModel) -> list[Made]:
    from asmnet_edge.cli.convert.table import Told
    from asmnet_edge.converters.batch import make
    from asmnet_edge.converters.graph import InferenceGraph

    graph, made = InferenceGraph(model), []
    for number, order in enumerate(orders, start=1):
        with Told(f"[{number}/{len(orders)}] {order.format} {order.precision}") as told:
            with silenced():
                made.append(make(order, job, graph, told.step))
            told.done(made[-1])
    return made


def _at_once(orders: list[Order], job: Job, jobs: int) -> list[Made]:
    from asmnet_edge.cli.convert.table import Told
    from asmnet_edge.converters.batch import make_at_once

    made: list[Made] = []
    for one in make_at_once(orders, job, jobs):
        made.append(one)
        head = f"[{len(made)}/{len(orders)}] {one.order.format} {one.order.precision}"
        with Told(head) as told:
            told.done(one)
    return made
