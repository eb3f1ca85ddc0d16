"""``asmnet-edge convert --max-nme-drop`` and ``--max-deviation``: int8 that keeps a goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from rich.table import Table

from asmnet_edge.cli.terminal import notes, print_wide, silenced, unsilenced_console
from asmnet_edge.errors import UsageError
from asmnet_edge.tables import table

if TYPE_CHECKING:
    from asmnet_edge.converters.accuracy.faces import Score
    from asmnet_edge.converters.accuracy.goal import Goal
    from asmnet_edge.converters.accuracy.planned import Planned
    from asmnet_edge.converters.batch import Job, Made
    from asmnet_edge.converters.calibration.sources import FaceSource
    from asmnet_edge.converters.orders import Order
    from asmnet_edge.training.floatmodel import FloatModel

JUDGED = 128  # faces to choose on and to verify on, at most


def goal_of(
    max_nme_drop: float | None, max_deviation: float | None, orders: Sequence[Order]
) -> Goal | None:
    """The goal that the options name, if they name one; `UsageError` if nothing could keep it."""
    from asmnet_edge.converters.accuracy.goal import Goal

    if max_nme_drop is None and max_deviation is None:
        return None
    if not any(order.is_calibrated for order in orders):
        raise UsageError("a goal is for int8, and none is to be made", "Give --precision int8")
    return Goal(max_nme_drop, max_deviation)


def make_to_goal(
    orders: Sequence[Order], job: Job, model: FloatModel, people: FaceSource, goal: Goal
) -> tuple[list[Made], Callable[[], None]]:
    """The artifacts of one plan, and what checks them when all that was made has been shown."""
    from asmnet_edge.converters.accuracy.faces import faces_to_judge
    from asmnet_edge.converters.accuracy.planned import make_planned
    from asmnet_edge.converters.graph import InferenceGraph

    with silenced():
        dataset, percent = people.dataset(model), people.held_out_percent(model)
        faces = faces_to_judge(
            dataset, model.crop, model.scheme, JUDGED, percent, people.on_broken_again
        )
    goal.check_faces(faces[0])
    notes.print(f"planning on {len(faces[0])} faces, to be verified on {len(faces[1])} others")
    loud, start = unsilenced_console(), perf_counter()

    def tell(text: str) -> None:
        loud.print(f"{perf_counter() - start:6.0f} s  {text}", soft_wrap=True)

    with silenced():
        planned = make_planned(orders, job, InferenceGraph(model), faces, goal, tell)
    return list(planned.made), lambda: _verify(planned, goal, len(faces[1]))


def _verify(planned: Planned, goal: Goal, faces: int) -> None:
    from asmnet_edge.converters.accuracy.goal import check

    blocks = ", ".join(planned.outcome.plan.blocks)
    print_wide(f"kept in float: {blocks or 'no block was needed'}")
    print_wide(_table(planned.outcome.scores, planned.verified))
    check(goal, planned.verified, faces)


def _table(chosen: Mapping[str, Score], verified: Mapping[str, Score]) -> Table:
    view = table("", "chosen: deviation %", "drop %", "verified: deviation %", "drop %")
    for name, score in verified.items():
        view.add_row(name, *_cells(chosen[name]), *_cells(score))
    return view


def _cells(score: Score) -> tuple[str, str]:
    drop = "" if score.nme_drop is None else f"{score.nme_drop:+.3f}"
    return f"{score.deviation:.3f}", drop
