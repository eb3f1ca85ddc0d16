"""Measure the cost of several ways of quantising to int8, on held-out training faces of 300W.

    python scripts/compare_quantisers.py --data data/300w

Prints the table of docs/decisions/0004, on which the defaults of the converters rest: deviation
from the float model, NME drop, megabytes, and the processor time of one inference over that of the
float32 file in the same runtime, both measured in turns on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import onnx as onnx_format
import openvino as openvino_format
import tensorflow as tf
from onnxruntime import quantization

from asmnet_edge.cli.console import silenced
from asmnet_edge.converters.accuracy.scores import annotated_crops, score
from asmnet_edge.converters.calibration.calibration_set import calibrate_on
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import Recipe, exporter_for
from asmnet_edge.converters.onnx import onnx_exporter as onnx
from asmnet_edge.converters.openvino import openvino_exporter as openvino
from asmnet_edge.converters.tflite import tflite_exporter as tflite
from asmnet_edge.converters.tflite.activation_ranges import averages, percentiles
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.datasets.sample import learnable
from asmnet_edge.datasets.splits import PERCENT, is_validation
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.formats import format_named, format_names
from asmnet_edge.io.files import SHIPPED_FLOAT, shipped
from asmnet_edge.io.manifest import Precision, artifact_files
from asmnet_edge.runtime.backends.backend import InferenceBackend, open_backend, run_all
from asmnet_edge.training.float_model import FloatModel, load_float_model

Make = Callable[[Path], object]
ROUNDS = 100
COLUMNS = f"{'format':9} | {'options':42} | deviation % | NME drop | MB | time"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of 300W")
    parser.add_argument("--model", type=Path, default=None, help="float model, else the shipped")
    parser.add_argument(
        "--formats", nargs="+", default=list(format_names()), choices=format_names()
    )
    given = parser.parse_args()
    model = load_float_model(given.model or shipped(SHIPPED_FLOAT))
    graph, faces = InferenceGraph(model), held_out(W300(given.data), model)
    recipe = Recipe(Precision.INT8, calibrate_on(W300(given.data), model.crop))
    reference = model.predict(faces.crops)[0]
    print(COLUMNS, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in given.formats:
            plain = Path(folder) / f"float32{format_named(name).suffix}"
            with silenced():
                exporter_for(name).export(graph, Recipe(Precision.FLOAT32), plain)
            other = open_backend(plain)  # before NNCF: the runtime's settings are read once
            for options, make in CANDIDATES[name](graph, recipe):
                path = Path(folder) / f"int8{format_named(name).suffix}"
                with silenced():
                    make(path)
                print(f"{name:9} | {options:42} | {row(path, other, faces, reference)}", flush=True)


def held_out(dataset: W300, model: FloatModel) -> AnnotatedCrops:
    """Return the faces of the training part that are held out of training and calibration."""
    samples = learnable(dataset.samples("train"))
    chosen = [s for s in samples if is_validation(s.identity, PERCENT)]
    return annotated_crops(chosen, model.crop)


def row(path: Path, other: InferenceBackend, faces: AnnotatedCrops, reference: np.ndarray) -> str:
    """Return the cells of the artifact at ``path``; ``other`` : float32 in the same runtime."""
    backend = open_backend(path)
    found = score(faces, run_all(backend, faces.crops)[0], reference)
    low, high = found.interval or (0, 0)
    size = sum(file.stat().st_size for file in artifact_files(path)) / 1e6
    time = relative_time(backend, other, faces.crops[:1])
    drop = f"{found.nme_drop:+.3f} ({low:+.3f} {high:+.3f})"
    return f"{found.deviation:11.3f} | {drop} | {size:4.2f} | {time:.2f}"


def relative_time(one: InferenceBackend, other: InferenceBackend, crop: np.ndarray) -> float:
    """Return the median processor time of ``one`` over that of ``other``, measured in turns."""
    times: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for backend, found in zip((one, other), times, strict=True):
            start = process_time()
            backend.run(crop)
            found.append(process_time() - start)
    ours, theirs = (float(np.median(found[10:])) for found in times)
    return ours / theirs


def tflite_candidates(graph: InferenceGraph, recipe: Recipe) -> Iterator[tuple[str, Make]]:
    def quantizer(path: Path, **changes: object) -> None:
        options = tflite.QuantizerOptions(**changes)  # type: ignore[arg-type]
        path.write_bytes(tflite.quantize(graph.float_tflite, recipe, options))

    def converter(path: Path) -> None:
        with graph.saved_model() as folder:
            tool = tf.lite.TFLiteConverter.from_saved_model(folder)
            tool.optimizations = [tf.lite.Optimize.DEFAULT]
            tool.representative_dataset = lambda: ([c[None]] for c in recipe.crops.crops)
            tool.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            tool.inference_input_type = tf.uint8
            path.write_bytes(tool.convert())

    yield "LiteRT quantizer (default)", quantizer
    yield "its own averaged ranges", partial(quantizer, ranges=averages)
    yield "99.99 % of each crop's values", partial(quantizer, ranges=percentiles)
    yield "heads dynamic", partial(quantizer, heads="dynamic")
    yield "heads static", partial(quantizer, heads="static")
    yield "heads in float", partial(quantizer, heads="float")
    yield "per tensor", partial(quantizer, per_channel=False)
    yield "TensorFlow's converter", converter


def onnx_candidates(graph: InferenceGraph, recipe: Recipe) -> Iterator[tuple[str, Make]]:
    model = onnx.float_model(graph)

    def static(path: Path, given: Recipe = recipe, **changes: object) -> None:
        options = onnx.QuantizerOptions(**changes)  # type: ignore[arg-type]
        onnx_format.save(onnx.quantize(model, given, graph.model.pixels, options), path)

    def dynamic(path: Path) -> None:
        given = path.with_name("given.onnx")
        onnx_format.save(model, given)
        quantization.quantize_dynamic(given, path, weight_type=quantization.QuantType.QUInt8)

    yield "U8S8, per channel, MinMax (default)", static
    yield "per tensor", partial(static, per_channel=False)
    yield "S8S8", partial(static, activations="QInt8")
    # ONNX Runtime keeps every activation of every crop for these: gigabytes
    few = replace(recipe, calibration=replace(recipe.crops, crops=recipe.crops.crops[::4]))
    yield "MinMax, 32 faces", partial(static, given=few)
    yield "Percentile, 32 faces", partial(static, given=few, ranges="Percentile")
    yield "Entropy, 32 faces", partial(static, given=few, ranges="Entropy")
    yield "quantize_dynamic (ConvInteger)", dynamic


def openvino_candidates(graph: InferenceGraph, recipe: Recipe) -> Iterator[tuple[str, Make]]:
    def nncf(path: Path, **changes: object) -> None:
        options = openvino.QuantizerOptions(**changes)  # type: ignore[arg-type]
        model = openvino.quantize(openvino.float_model(graph), recipe, [], options)
        openvino_format.save_model(model, path, compress_to_fp16=False)

    yield "mixed, full correction, extremes (default)", nncf
    yield "fast bias correction", partial(nncf, fast=True)
    yield "symmetric activations (performance)", partial(nncf, preset="performance")
    yield "overflow fix", partial(nncf, overflow_fix=True)
    yield "NNCF's averaged ranges", partial(nncf, averaged=True)
    yield "heads in int8", partial(nncf, float_heads=False)


CANDIDATES = {
    "tflite": tflite_candidates,
    "onnx": onnx_candidates,
    "openvino": openvino_candidates,
}

if __name__ == "__main__":
    main()
