"""Simulation of exact or saturating arithmetic of an IR, on any CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as ops

from asmnet_edge.converters.openvino.convolutions import IrConvolution, convolutions, widen
from asmnet_edge.converters.saturation.overflow import Pairs, pairs_of
from asmnet_edge.converters.saturation.pairs import HIGHEST, LOWEST
from asmnet_edge.runtime.backends.backend import InferenceBackend
from asmnet_edge.runtime.backends.openvino import OpenVinoBackend, settings

PAIRING = "place"  # oneDNN's


def load_simulated(path: Path, saturating: bool) -> InferenceBackend | None:
    """Load the file at ``path`` in that arithmetic; None if both are the same, see `simulated`."""
    core = openvino.Core()
    model = core.read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())
    other = simulated(model, saturating)
    if other is None:
        return None
    return OpenVinoBackend(core.compile_model(other, "CPU", settings(1)), "openvino, simulated")


def simulated(model: Any, saturating: bool) -> Any | None:
    """Return a model with the results of ``model`` in that arithmetic on any CPU.

    None if both are the same, because none of its kernels can saturate. Kernels that can are
    computed in float, less the loss by saturation.
    """
    copy = model.clone()
    found = [place for place in convolutions(copy) if place.one.can_saturate(PAIRING)]
    for place in found:
        widen(place)
        if saturating:
            _saturate(place)
    if found:
        copy.validate_nodes_and_infer_types()
    return copy if found else None


def _saturate(place: IrConvolution) -> None:
    """Subtract the loss by saturation from the results of ``place``."""
    takers = place.node.output(0).get_target_inputs()
    source = place.node.input_value(0)
    steps = ops.divide(source, ops.constant(np.float32(place.one.scale)))
    codes = ops.add(ops.round(steps, "half_to_even"), ops.constant(np.float32(place.one.zero)))
    left = place.node
    for pairs in pairs_of(place.one, PAIRING):
        left = ops.subtract(left, _lost(place, pairs, codes))
    for port in takers:
        port.replace_source_output(left.output(0))


def _lost(place: IrConvolution, pairs: Pairs, codes: Any) -> Any:
    one = place.one
    top, left, bottom, right = one.window.padding
    taken = ops.gather(codes, ops.constant(pairs.channels), ops.constant(np.int64(1)))
    padded = ops.pad(
        taken,
        ops.constant(np.array([0, 0, top, left], np.int64)),
        ops.constant(np.array([0, 0, bottom, right], np.int64)),
        "constant",
        ops.constant(np.float32(one.zero)),
    )
    kernel = ops.constant(pairs.kernel[:, None])  # a group for each pair
    nothing = [0, 0]
    sums = ops.group_convolution(
        padded, kernel, list(one.window.strides), nothing, nothing, list(one.window.dilations)
    )
    beyond = ops.subtract(sums, ops.clamp(sums, LOWEST, HIGHEST))
    return ops.convolution(beyond, ops.constant(pairs.totals), [1, 1], nothing, nothing, [1, 1])
