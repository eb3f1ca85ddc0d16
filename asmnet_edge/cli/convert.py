"""``asmnet-edge convert``."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.table import Table

from asmnet_edge.cli.terminal import import_quietly, notes, print_wide, silenced
from asmnet_edge.errors import AsmnetEdgeError
from asmnet_edge.shipped import SHIPPED_FLOAT, shipped

if TYPE_CHECKING:
    from asmnet_edge.converters.calibration import CalibrationSet
    from asmnet_edge.converters.convert import Order
    from asmnet_edge.manifest import ArtifactManifest
    from asmnet_edge.training.floatmodel import FloatModel

FORMATS = ("tflite", "onnx", "openvino")
PRECISIONS = ("float32", "int8")
DRAWN_FACES = 256
# what the converters import, so that a missing one is named before any work is done
NEEDED = ("tensorflow", "keras", "onnx", "onnxruntime", "openvino", "ai_edge_quantizer", "tf2onnx",
          "nncf")  # fmt: skip


@click.command()
@click.argument("format", type=click.Choice([*FORMATS, "all"]))
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), default=Path("artifacts"),
              show_default=True, help="Folder for the artifacts.")  # fmt: skip
@click.option("--precision", type=click.Choice([*PRECISIONS, "all"]), default="all",
              show_default=True)  # fmt: skip
@click.option("--data", metavar="KIND:PATH",
              help="Faces to calibrate int8 on, such as 300w:DIR; its training part is taken.  "
              "[default: drawn faces]")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace artifacts that exist.")
def command(
    format: str, model: Path | None, output: Path, precision: str, data: str | None, overwrite: bool
) -> None:
    """Turn the float MODEL (default: the shipped ASMNet-68) into FORMAT, or all of them.

    Each artifact is compared with the float model in its own runtime before it gets its name, and
    comes with a manifest.
    """
    import_quietly(*NEEDED, extra="convert")
    orders = _orders(format, precision)
    source = model or shipped(SHIPPED_FLOAT)
    results = _carry_out(orders, source, output, data, overwrite)
    print_wide(_table(results))
    print_wide("from the float model, in crop pixels and in % of the inter-ocular distance")


def _orders(format: str, precision: str) -> list[Order]:
    from asmnet_edge.converters.convert import Order
    from asmnet_edge.manifest import Precision

    formats = FORMATS if format == "all" else (format,)
    precisions = PRECISIONS if precision == "all" else (precision,)
    return [Order(f, Precision(p)) for f in formats for p in precisions]


def _carry_out(
    orders: list[Order], source: Path, output: Path, data: str | None, overwrite: bool
) -> list[tuple[Path, ArtifactManifest]]:
    from asmnet_edge.converters.convert import convert
    from asmnet_edge.converters.graph import InferenceGraph
    from asmnet_edge.files import make_folder, refuse_existing
    from asmnet_edge.manifest import Precision
    from asmnet_edge.training.floatmodel import load_float_model

    refuse_existing([f for o in orders for f in o.files(output, source.stem)], overwrite)
    make_folder(output)
    model = load_float_model(source)
    if data is None and any(order.precision is Precision.INT8 for order in orders):
        notes.print("Calibrating int8 on drawn faces; with real ones (--data) it loses less.")
    graph, calibration = InferenceGraph(model), _calibration(data, model)
    results = []
    for number, order in enumerate(orders, start=1):
        notes.print(f"[{number}/{len(orders)}] {order.format} {order.precision}", end=" ... ")
        start = perf_counter()
        try:
            with silenced():
                results.append(convert(order, graph, calibration, output, source.stem))
        except AsmnetEdgeError:
            notes.print("failed")
            raise
        notes.print(f"{perf_counter() - start:.1f} s")
    return results


def _calibration(data: str | None, model: FloatModel) -> CalibrationSet:
    from asmnet_edge.converters.calibration import calibrate_on
    from asmnet_edge.data.catalog import open_dataset
    from asmnet_edge.data.split import PERCENT

    data = data or f"synthetic:{DRAWN_FACES}"
    training = model.provenance.get("training", {})
    held_out = training.get("validation_percent", PERCENT)
    return calibrate_on(open_dataset(data), model.crop, validation_percent=held_out)


def _table(results: list[tuple[Path, Any]]) -> Table:
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    view.add_column(f"in {results[0][0].parent}", no_wrap=True)
    for name in ("MB", "int8 ops", "max px", "mean px", "deviation %"):
        view.add_column(name, justify="right", no_wrap=True)
    for path, manifest in results:
        parity, operators = manifest.parity, manifest.operators
        view.add_row(
            path.name,
            f"{manifest.bytes / 1e6:.2f}",
            f"{operators['int8']} of {operators['total']}",
            f"{parity['max_px']:.4f}",
            f"{parity['mean_px']:.4f}",
            f"{parity['deviation_iod_percent']:.3f}",
        )
    return view
