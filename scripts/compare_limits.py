"""Compare ways to keep int8 correct with and without VNNI, and their costs.

    python scripts/compare_limits.py --data data/300w

Prints the table of docs/decisions/0012: deviation from the float model and NME drop in exact and in
saturating arithmetic, this CPU's by its kernels and the other simulated, and processor time over
that of the file without limits, in turns. On 300W's training faces that are held out; with --report
on the test faces of ``common``, on which nothing is to be chosen.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx as onnx_format
import openvino as openvino_format
from compare_quantisers import held_out, relative_time  # beside this script

from asmnet_edge.cli.console import silenced
from asmnet_edge.converters.accuracy.scores import annotated_crops, score
from asmnet_edge.converters.calibration.calibration_set import calibrate_on
from asmnet_edge.converters.checks.arithmetic import EXACT, SATURATING, open_in_both
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import Recipe
from asmnet_edge.converters.onnx import onnx_exporter as onnx
from asmnet_edge.converters.openvino import openvino_exporter as openvino
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.formats import format_named
from asmnet_edge.io.files import SHIPPED_FLOAT, shipped
from asmnet_edge.io.manifest import Precision
from asmnet_edge.training.float_model import FloatModel, load_float_model

CHOICES = {
    "onnx": {
        "no limit": {"pair_limits": "nowhere"},
        "7-bit weights": {"pair_limits": "nowhere", "seven_bits": True},
        "pair limits everywhere": {"pair_limits": "everywhere"},
        "pair limits, chosen (default)": {},
    },
    "openvino": {
        "no limit": {"pair_limits": "nowhere"},
        "NNCF's overflow fix": {"pair_limits": "nowhere", "overflow_fix": True},
        "pair limits everywhere": {"pair_limits": "everywhere"},
        "pair limits, chosen (default)": {},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of 300W")
    parser.add_argument("--model", type=Path, default=None, help="float model, else the shipped")
    parser.add_argument("--report", action="store_true", help="on the faces of common")
    parser.add_argument("--formats", nargs="+", default=list(CHOICES), choices=list(CHOICES))
    given = parser.parse_args()
    model = load_float_model(given.model or shipped(SHIPPED_FLOAT))
    graph, dataset = InferenceGraph(model), W300(given.data)
    faces = common(dataset, model) if given.report else held_out(dataset, model)
    recipe = Recipe(Precision.INT8, calibrate_on(dataset, model.crop))
    reference = model.predict(faces.crops)[0]
    print(
        "format    | options                       | exact: % | drop | saturating: % | drop | time"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in given.formats:
            compare(name, Path(folder), graph, recipe, faces, reference)


def compare(
    name: str,
    folder: Path,
    graph: InferenceGraph,
    recipe: Recipe,
    faces: AnnotatedCrops,
    reference: np.ndarray,
) -> None:
    """Print a row for each set of options; the first is the reference of times."""
    first = None
    for number, (options, changes) in enumerate(CHOICES[name].items()):
        path = folder / f"{number}{format_named(name).suffix}"
        with silenced():
            MAKERS[name](graph, recipe, path, changes)
        both = open_in_both(path)
        first = first or both.native
        outputs = both.run(faces.crops)
        cells = []
        for arithmetic in (EXACT, SATURATING):
            found = score(faces, outputs[arithmetic][0], reference)
            cells.append(f"{found.deviation:.3f} | {found.nme_drop:+.3f}")
        time = relative_time(both.native, first, faces.crops[:1])
        print(f"{name:9} | {options:29} | {' | '.join(cells)} | {time:.2f}", flush=True)


def make_onnx(graph: InferenceGraph, recipe: Recipe, path: Path, changes: dict) -> None:
    options = onnx.QuantizerOptions(**changes)
    model = onnx.quantize(onnx.float_model(graph), recipe, graph.model.pixels, options)
    onnx_format.save(model, path)


def make_openvino(graph: InferenceGraph, recipe: Recipe, path: Path, changes: dict) -> None:
    options = openvino.QuantizerOptions(**changes)
    model = openvino.quantize(openvino.float_model(graph), recipe, [], options)
    openvino_format.save_model(model, path, compress_to_fp16=False)


MAKERS = {"onnx": make_onnx, "openvino": make_openvino}


def common(dataset: W300, model: FloatModel) -> AnnotatedCrops:
    """Return the 554 test faces of common."""
    return annotated_crops(list(dataset.samples("common")), model.crop)


if __name__ == "__main__":
    main()
