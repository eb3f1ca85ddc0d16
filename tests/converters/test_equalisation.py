"""Repairs: the same function in float, a smaller loss in eight bits."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.converters.accuracy.equalisation import (
    choose_repair,
    correct_biases,
    equalise,
    factors,
    pairs,
)
from asmnet_edge.converters.accuracy.fake_quantization import round_kernel
from asmnet_edge.converters.accuracy.sensitivity import Judge
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.folding import copy_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.training.float_model import FloatModel

Spoil = Callable[[keras.Model, str, str], None]
SPOILT = ("block_9_expand", "block_9_depthwise")


@pytest.fixture(scope="module")
def simulation(model: FloatModel, calibration: CalibrationSet) -> Simulation:
    return Simulation(model, calibration.crops)


@pytest.fixture(scope="module")
def spoilt(simulation: Simulation, spoil: Spoil) -> Simulation:
    graph = copy_of(simulation.graph)
    spoil(graph, *SPOILT)
    return simulation.of(graph)


@pytest.fixture(scope="module")
def faces(crops: np.ndarray, model: FloatModel) -> AnnotatedCrops:
    return AnnotatedCrops(crops, model.scheme)


def cost(simulation: Simulation, faces: AnnotatedCrops) -> float:
    return Judge(simulation, faces).score(simulation.body).deviation


# equalisation


@given(st.lists(st.floats(0, 6), min_size=1, max_size=8), st.sampled_from([0.5, 1.0]))
def test_channels_only_grow_and_never_beyond_the_largest(
    largest: list[float], strength: float
) -> None:
    found = factors(np.array(largest), strength)
    assert ((found > 0) & (found <= 1)).all()
    assert (np.array(largest) / found <= max(largest) + 1e-5).all()


def test_a_channel_that_reaches_six_is_left_alone() -> None:
    np.testing.assert_array_equal(factors(np.array([6.0, 0.6]), 1.0), np.float32([1.0, 0.125]))


def test_pairs_are_convolutions_with_a_relu_between_and_nobody_else_looking(
    simulation: Simulation,
) -> None:
    found = pairs(simulation)
    assert ("Conv1", "expanded_conv_depthwise") in found
    assert ("block_1_expand", "block_1_depthwise") in found  # past the padding
    assert ("block_1_depthwise", "block_1_project") in found
    assert not [first for first, _ in found if first.endswith("_project")]
    assert len(found) == 2 * 15 + 2


def test_equalising_keeps_the_function(simulation: Simulation, crops: np.ndarray) -> None:
    equal = simulation.of(equalise(simulation))
    before, after = simulation.outputs(crops), equal.outputs(crops)
    np.testing.assert_allclose(after[0], before[0], atol=2e-4)
    kernels = [s.graph.get_layer("block_5_expand").get_weights()[0] for s in (simulation, equal)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01  # though the weights did change


def test_equalising_mends_what_was_spoilt(spoilt: Simulation, faces: AnnotatedCrops) -> None:
    # pair-limited weights round more coarsely before and after
    assert cost(spoilt.of(equalise(spoilt)), faces) < 0.75 * cost(spoilt, faces)


def test_the_simulated_graph_is_not_changed(simulation: Simulation) -> None:
    before = simulation.graph.get_weights()
    equalise(simulation), correct_biases(simulation)
    for ours, theirs in zip(simulation.graph.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# bias correction


def test_the_mean_of_a_rounded_convolution_is_the_exact_ones(simulation: Simulation) -> None:
    graph, corrected = simulation.graph, correct_biases(simulation)
    first = graph.get_layer("Conv1")
    pixels = simulation.pixels
    exact = np.array(first(pixels)).mean(axis=(0, 1, 2))
    kernel, bias = first.get_weights()
    rounded, by_eight_bits = copy_of(graph).get_layer("Conv1"), round_kernel(kernel, (0, 1, 2))
    rounded.set_weights([by_eight_bits, bias])
    shifted = np.array(rounded(pixels)).mean(axis=(0, 1, 2))
    rounded.set_weights([by_eight_bits, corrected.get_layer("Conv1").get_weights()[1]])
    mended = np.array(rounded(pixels)).mean(axis=(0, 1, 2))
    assert np.abs(shifted - exact).max() > 1e-4
    np.testing.assert_allclose(mended, exact, atol=2e-5)


# the choice


def test_a_repair_that_helps_is_chosen(spoilt: Simulation, faces: AnnotatedCrops) -> None:
    equalisation = choose_repair(spoilt, faces)
    assert equalisation.name in ("equalisation", "both")
    content = equalisation.as_json()
    assert content["deviations"][equalisation.name] < 0.75 * content["deviations"]["none"]
    assert content["chosen_on"] == len(faces)


def test_a_repair_that_does_not_is_left(
    simulation: Simulation, faces: AnnotatedCrops, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asmnet_edge.converters.accuracy import equalisation

    monkeypatch.setattr(equalisation, "REPAIRS", {"nothing done": lambda given: given.graph})
    chosen = choose_repair(simulation, faces)
    assert (chosen.name, chosen.graph) == ("none", None)
    graph = InferenceGraph(simulation.model)
    assert chosen.apply(graph).repaired is None
    assert chosen.apply(graph).repair["applied"] == "none"


def test_a_repaired_graph_is_what_is_exported(simulation: Simulation, crops: np.ndarray) -> None:
    graph = copy_of(simulation.graph)
    head = graph.get_layer("landmarks")
    head.set_weights([0 * weights for weights in head.get_weights()])
    landmarks, _ = InferenceGraph(simulation.model, graph).run(crops[:1])
    np.testing.assert_allclose(landmarks, simulation.model.scaling.mean_shape, atol=1e-6)
