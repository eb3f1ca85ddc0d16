"""``asmnet-edge convert``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asmnet_edge.cli.models import MODEL
from asmnet_edge.cli.terminal import (
    import_quietly,
    notes,
    print_wide,
)
from asmnet_edge.errors import CheckFailedError, UsageError
from asmnet_edge.shipped import SHIPPED_FLOAT, shipped

if TYPE_CHECKING:
    from asmnet_edge.converters.batch import Made
    from asmnet_edge.converters.calibration.sources import FaceSource
    from asmnet_edge.converters.orders import Order

FORMATS = ("tflite", "onnx", "openvino")
USUAL = ("float32", "float16", "dynamic-int8", "int8")
# what the converters import, so that a missing one is named before any work is done
NEEDED = ("tensorflow", "keras", "onnx", "onnxruntime", "openvino", "ai_edge_quantizer", "tf2onnx",
          "nncf")  # fmt: skip


@click.command()
@click.argument("format", type=click.Choice([*FORMATS, "all"]))
@click.argument("model", required=False, type=MODEL)
@click.option("--output", type=click.Path(path_type=Path), default=Path("artifacts"),
              show_default=True, help="Folder for the artifacts.")  # fmt: skip
@click.option("--precision", "precisions", type=click.Choice([*USUAL, "int8-io", "all"]),
              multiple=True, help="May be repeated; all: the first four.  "
              "[default: float32, int8]")  # fmt: skip
@click.option("--data", metavar="KIND:PATH",
              help="Faces to calibrate int8 on, such as 300w:DIR, of which the training part is "
              "taken, or pictures:DIR for pictures without landmarks.  "
              "[default: drawn faces]")  # fmt: skip
@click.option("--faces", type=click.IntRange(1), help="To calibrate on.  [default: 128]")
@click.option("--detector", type=click.Choice(["haar", "none"]), default="haar", show_default=True,
              help="How faces are found in pictures:DIR; none: each picture is one.")  # fmt: skip
@click.option("--not-in", multiple=True, metavar="KIND:PATH",
              help="Refuse to calibrate on faces that are in the test subsets of this data set "
              "too.  May be repeated.")  # fmt: skip
@click.option("--max-nme-drop", type=click.FloatRange(0), metavar="PERCENT",
              help="Keep blocks of int8 in float until the NME rises by no more.")  # fmt: skip
@click.option("--max-deviation", type=click.FloatRange(0), metavar="PERCENT",
              help="The same by the distance to the float model's landmarks, in % of the "
              "inter-ocular distance: needs no annotations.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 3), default=1, show_default=True,
              help="Formats made at a time; each takes 2.5 GB.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what would be made.")
@click.option("--resume", is_flag=True,
              help="Keep artifacts that are there and would come out the same.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace artifacts that exist.")
def command(
    format: str,
    model: Path | None,
    output: Path,
    precisions: tuple[str, ...],
    data: str | None,
    faces: int | None,
    detector: str,
    not_in: tuple[str, ...],
    max_nme_drop: float | None,
    max_deviation: float | None,
    jobs: int,
    dry_run: bool,
    resume: bool,
    overwrite: bool,
) -> None:
    """Turn the float MODEL (default: the shipped ASMNet-68) into FORMAT, or all of them.

    Each artifact is compared with the float model in its own runtime before it gets its name, and
    comes with a manifest. A stop leaves whole artifacts; --resume makes the others.
    """
    from asmnet_edge.cli.convert.plan import goal_of
    from asmnet_edge.cli.convert.run import carry_out
    from asmnet_edge.cli.convert.table import made_table
    from asmnet_edge.converters.calibration.crops import COUNT
    from asmnet_edge.converters.calibration.sources import DRAWN, FaceSource
    from asmnet_edge.converters.orders import orders_for

    wanted = [p for w in precisions or ("float32", "int8") for p in (USUAL if w == "all" else (w,))]
    orders = orders_for(FORMATS if format == "all" else (format,), wanted)
    goal = goal_of(max_nme_drop, max_deviation, orders)
    source = model or shipped(SHIPPED_FLOAT)
    people = FaceSource(data or DRAWN, faces or COUNT, detector, not_in)
    if resume and overwrite:
        raise UsageError("--resume keeps what is there, --overwrite replaces it", "Give one")
    if dry_run:
        _tell_plan(orders, source, output, people)
        return
    import_quietly(*NEEDED, extra="convert")
    # what a plan gives cannot be told without making it, so --resume keeps none of its artifacts
    anew = [order for order in orders if not resume or (goal and order.is_calibrated)]
    _refuse_existing(anew, source, output, overwrite)
    made, check = carry_out(orders, source, output, people, jobs, resume, goal)
    print_wide(made_table(made))
    notes.print(f"in {output}", soft_wrap=True)
    print_wide("from the float model, in crop pixels and in % of the inter-ocular distance")
    _tell_failures(made)
    check()


def _tell_plan(orders: list[Order], source: Path, output: Path, people: FaceSource) -> None:
    from asmnet_edge.cli.convert.table import plan_table
    from asmnet_edge.converters.audit.inspection import inspect

    inspect(source)  # raises for a file that is no float model
    if any(order.is_calibrated for order in orders):
        faces = people.described()
        notes.print(f"calibrated would be on {faces}", soft_wrap=True)
    notes.print(f"from {source} to {output}", soft_wrap=True)
    print_wide(plan_table(orders, source, output))


def _refuse_existing(orders: list[Order], source: Path, output: Path, allowed: bool) -> None:
    from asmnet_edge.converters.workshop import workshop
    from asmnet_edge.files import refuse_existing

    refuse_existing([f for o in orders for f in o.files(output, source.stem)], allowed)
    with workshop(output):  # a folder that takes nothing is told before any work is done
        pass


def _tell_failures(made: Sequence[Made]) -> None:
    failures = [one.failure for one in made if one.failure]
    if len(made) == 1 and failures:
        raise failures[0]
    for failure in failures:
        notes.print(f"not made: {failure}", soft_wrap=True)
    if failures:
        raise CheckFailedError(f"{len(failures)} of {len(made)} artifacts failed their check")
