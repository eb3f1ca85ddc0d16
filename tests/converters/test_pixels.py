"""A model with another scaling of pixels keeps the contract in every format."""

from dataclasses import replace
from pathlib import Path

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


@pytest.fixture
def official(graph_of_unit_pixels: InferenceGraph) -> FloatModel:
    return graph_of_unit_pixels.model


def test_the_graph_scales_pixels_as_the_model_does(
    graph_of_unit_pixels: InferenceGraph, official: FloatModel, crops: np.ndarray
) -> None:
    landmarks, _ = graph_of_unit_pixels.run(crops[:1])
    np.testing.assert_allclose(landmarks, official.predict(crops[:1])[0][0], atol=1e-5)
    ours = replace(official, pixels=PixelScaling()).predict(crops[:1])[0]
    assert np.abs(landmarks - ours).max() > 1e-3  # it makes a difference


@pytest.mark.parametrize("name", format_names())
def test_float32_is_the_keras_model(
    graph_of_unit_pixels: InferenceGraph,
    official: FloatModel,
    calibration: CalibrationSet,
    crops: np.ndarray,
    tmp_path: Path,
    name: str,
) -> None:
    job = ConversionJob(name, Precision.FLOAT32)
    path, _ = convert_artifact(job, graph_of_unit_pixels, calibration, tmp_path, "official")
    landmarks, _ = run_all(open_artifact(path).backend, crops)
    assert 96 * np.linalg.norm(landmarks - official.predict(crops)[0], axis=-1).max() < 0.02


@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_int8_computes_as_much_in_int8_as_ever(
    graph_of_unit_pixels: InferenceGraph, calibration: CalibrationSet, tmp_path: Path, name: str
) -> None:
    job = ConversionJob(name, Precision.INT8)
    _, manifest = convert_artifact(job, graph_of_unit_pixels, calibration, tmp_path, "official")
    assert manifest.operators == {"total": 67, "int8": 65}
    assert manifest.parity["deviation_iod_percent"] < 1.0
