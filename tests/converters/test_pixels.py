"""A model with another scaling of pixels keeps the contract in every format."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from asmnet_edge.converters.artifact import convert_artifact
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import ConversionJob
from asmnet_edge.formats import format_names
from asmnet_edge.io.manifest import Precision
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.backends.backend import run_all
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.model_facts import PixelScaling

OTHER = PixelScaling(offset=0.0, scale=1 / 255)


@pytest.fixture(scope="module")
def official(tiny: Mapping[str, Any], calibration: CalibrationSet) -> FloatModel:
    """The small model with norms settled on pixels from 0 to 1."""
    model = tiny["tiny_model"]()
    for layer in model.network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model.network(OTHER.apply(calibration.crops), training=True)
    return replace(model, pixels=OTHER)


def test_the_graph_scales_pixels_as_the_model_does(official: FloatModel, crops: np.ndarray) -> None:
    landmarks, _ = InferenceGraph(official).run(crops[:1])
    np.testing.assert_allclose(landmarks, official.predict(crops[:1])[0][0], atol=1e-5)
    ours = replace(official, pixels=PixelScaling()).predict(crops[:1])[0]
    assert np.abs(landmarks - ours).max() > 1e-3  # it makes a difference


@pytest.mark.parametrize("name", format_names())
def test_float32_is_the_keras_model(
    official: FloatModel, calibration: CalibrationSet, crops: np.ndarray, tmp_path: Path, name: str
) -> None:
    order = ConversionJob(name, Precision.FLOAT32)
    path, _ = convert_artifact(order, InferenceGraph(official), calibration, tmp_path, "official")
    landmarks, _ = run_all(open_artifact(path).backend, crops)
    assert 96 * np.linalg.norm(landmarks - official.predict(crops)[0], axis=-1).max() < 0.02


@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_int8_computes_as_much_in_int8_as_ever(
    official: FloatModel, calibration: CalibrationSet, tmp_path: Path, name: str
) -> None:
    order = ConversionJob(name, Precision.INT8)
    _, manifest = convert_artifact(
        order, InferenceGraph(official), calibration, tmp_path, "official"
    )
    assert manifest.operators == {"total": 67, "int8": 65}
    assert manifest.parity["deviation_iod_percent"] < 1.0
