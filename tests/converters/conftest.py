"""A small float model and all its artifacts, converted once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import shared

from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.datasets.annotated_crops import crops_of
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.formats import format_named, format_names
from asmnet_edge.io.manifest import Precision
from asmnet_edge.training.float_model import FloatModel, load_float_model
from asmnet_edge.training.model_facts import PixelScaling


@pytest.fixture(scope="session")
def tiny() -> Mapping[str, Any]:
    return shared.tiny()


@pytest.fixture(scope="session")
def model_file() -> Path:
    return shared.float_file()


@pytest.fixture(scope="session")
def model(model_file: Path) -> FloatModel:
    return load_float_model(model_file)


@pytest.fixture(scope="session")
def graph(model: FloatModel) -> InferenceGraph:
    return InferenceGraph(model)


@pytest.fixture(scope="session")
def calibration() -> CalibrationSet:
    return shared.calibration()


@pytest.fixture(scope="session")
def graph_of_unit_pixels(tiny: Mapping[str, Any], calibration: CalibrationSet) -> InferenceGraph:
    """The small model with norms settled on pixels from 0 to 1."""
    model, pixels = tiny["tiny_model"](), PixelScaling(offset=0.0, scale=1 / 255)
    for layer in model.network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model.network(pixels.apply(calibration.crops), training=True)
    return InferenceGraph(replace(model, pixels=pixels))


@pytest.fixture(scope="session")
def crops(model: FloatModel) -> np.ndarray:
    """Crops (10, 96, 96, 3) of faces that nothing was calibrated on."""
    return crops_of(DrawnFaces(10, seed=3, size=128).samples("test"), model.crop)


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Path of the artifact of a format and precision, from one folder that holds all there are."""
    folder = tmp_path_factory.mktemp("artifacts")
    every = [(n, precision) for n in format_names() for precision in format_named(n).precisions]
    paths = shared.artifacts_into(folder, *every)
    return lambda name, precision: paths[name, Precision(precision)]


@pytest.fixture(scope="session")
def spoil() -> Callable[[keras.Model, str, str], None]:
    """Makes all channels but one between two layers of a folded graph fifty times smaller.

    The function in float stays the same, as long as no channel reaches ReLU6's end; in eight bits
    all but five of the tensor's steps are wasted.
    """

    def shrink(graph: keras.Model, first: str, second: str) -> None:
        one, other = graph.get_layer(first), graph.get_layer(second)
        kernel, bias = one.get_weights()
        factor = np.where(np.arange(len(bias)) == 0, 1.0, 50.0)
        one.set_weights([kernel / factor, bias / factor])
        taken, *rest = other.get_weights()
        other.set_weights([taken * factor[:, None], *rest])

    return shrink
