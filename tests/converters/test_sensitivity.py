"""Eight bits simulated: as the runtimes round, one block at a time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from asmnet_edge.cli.sensitivity import command
from asmnet_edge.converters.accuracy import sensitivity as figure
from asmnet_edge.converters.accuracy.fake_quantization import (
    RoundedKernel,
    RoundedTensor,
    round_kernel,
)
from asmnet_edge.converters.accuracy.sensitivity import Judge, Row, sensitivity
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.geometry.metrics import deviation
from asmnet_edge.runtime.backends.backend import open_backend, run_all
from asmnet_edge.training.float_model import FloatModel

Spoil = Callable[[keras.Model, str, str], None]


@pytest.fixture(scope="module")
def simulation(model: FloatModel, calibration: CalibrationSet) -> Simulation:
    return Simulation(model, calibration.crops)


@pytest.fixture(scope="module")
def judge(simulation: Simulation, crops: np.ndarray, model: FloatModel) -> Judge:
    return Judge(simulation, AnnotatedCrops(crops, model.scheme))


@pytest.fixture(scope="module")
def measured(judge: Judge) -> tuple[float, dict[str, Row]]:
    whole, rows = sensitivity(judge)
    return whole.deviation, {row.name: row for row in rows}


# rounding


@given(low=st.floats(-100, 0), high=st.floats(0.01, 100), at=st.floats(0, 1))
def test_a_value_in_range_moves_by_half_a_step_at_most(low: float, high: float, at: float) -> None:
    rounded = RoundedTensor()
    rounded.build((1,))
    rounded.on.assign(1.0)
    rounded.set_range(low, high)
    value, step = low + at * (high - low), (high - low) / 255
    # the zero point is rounded too, so that the ends may lie half a step further in
    error = abs(float(rounded(np.array([value], np.float32))[0]) - value)
    assert error <= step * 1.01 + 1e-5


def test_zero_stays_zero_and_what_lies_outside_is_cut_off() -> None:
    rounded = RoundedTensor()
    rounded.build((3,))
    rounded.set_range(-1.0, 2.0)
    values = np.array([0.0, 0.4567, 50.0], np.float32)
    np.testing.assert_array_equal(rounded(values), values)  # off
    rounded.on.assign(1.0)
    zero, inside, outside = np.array(rounded(values))
    assert zero == 0.0
    assert inside == pytest.approx(39 * 3 / 255)
    assert outside == pytest.approx(2.0, abs=3 / 255)


def test_each_channel_of_a_kernel_has_a_scale_of_its_own() -> None:
    kernel = np.array([[1.0, 100.0], [0.5, -37.0]], np.float32)  # dense: (taken, given)
    error = np.abs(round_kernel(kernel, (0,)) - kernel)
    assert (error <= np.array([0.5, 50.0]) / 127 + 1e-6).all()
    assert error[1, 0] > 0


@pytest.mark.parametrize("kind", [layers.Conv2D, layers.DepthwiseConv2D])
def test_a_rounded_kernel_is_a_convolution_with_rounded_weights(kind: type) -> None:
    options = {"filters": 4} if kind is layers.Conv2D else {}
    layer = kind(kernel_size=3, **options)
    picture = np.random.default_rng(0).normal(size=(1, 5, 5, 4)).astype(np.float32)
    rounded = RoundedKernel(layer)
    exact = np.array(rounded(picture))
    np.testing.assert_allclose(exact, layer(picture), atol=1e-6)
    rounded.on.assign(1.0)
    by_eight_bits = np.array(rounded(picture))
    kernel, bias = layer.get_weights()
    layer.set_weights([round_kernel(kernel, rounded._axes), bias])
    np.testing.assert_allclose(by_eight_bits, layer(picture), atol=1e-5)
    assert np.abs(by_eight_bits - exact).max() > 1e-4


# the simulation


def test_with_nothing_in_int8_it_is_the_model(
    simulation: Simulation, model: FloatModel, crops: np.ndarray
) -> None:
    landmarks, pose = simulation.outputs(crops)
    expected, expected_pose = model.predict(crops)
    np.testing.assert_allclose(landmarks, expected, atol=1e-5)
    np.testing.assert_allclose(pose, expected_pose, atol=1e-3)


def test_operators_are_those_that_audits_count(simulation: Simulation) -> None:
    assert len(simulation.operators) == 67
    assert len(simulation.body) == 65
    assert sum(map(len, simulation.blocks.values())) == 67
    assert simulation.blocks["block_2"] == (
        "block_2_expand", "block_2_depthwise", "block_2_project", "block_2_add"
    )  # fmt: skip
    assert simulation.operators["block_2_add"].takes == ("block_1_project", "block_2_project")
    assert simulation.operators["Conv1"].takes == ()


@pytest.mark.parametrize("name", ["tflite", "onnx", "openvino"])
def test_it_costs_what_real_artifacts_cost(
    artifacts: Callable[[str, str], Path], simulation: Simulation, crops: np.ndarray, name: str
) -> None:
    model = simulation.model
    reference = model.predict(crops)[0]
    real, _ = run_all(open_backend(artifacts(name, "int8")), crops)
    simulated, _ = simulation.outputs(crops, simulation.body)
    ratio = (deviation(simulated, reference, model.scheme).mean()
             / deviation(real, reference, model.scheme).mean())  # fmt: skip
    assert 0.5 < ratio < 2.0


# the table


def test_every_part_costs_something_and_less_than_the_whole(
    measured: tuple[float, dict[str, Row]],
) -> None:
    whole, rows = measured
    assert len(rows) == 19
    assert all(0 < row.alone.deviation < whole for name, row in rows.items() if name != "heads")
    assert sum(row.multiply_adds for row in rows.values()) == pytest.approx(1.0)


def test_the_spoilt_block_is_found(
    judge: Judge, spoil: Spoil, measured: tuple[float, dict[str, Row]]
) -> None:
    graph = keras.models.clone_model(judge.simulation.graph)
    graph.set_weights(judge.simulation.graph.get_weights())
    spoil(graph, "block_9_expand", "block_9_depthwise")
    _, rows = sensitivity(replace(judge, simulation=judge.simulation.of(graph)))
    by_cost = sorted(rows, key=lambda row: row.alone.deviation)
    by_gain = sorted(rows, key=lambda row: row.gain)
    assert by_cost[-1].name == by_gain[-1].name == "block_9"
    assert by_cost[-1].alone.deviation > 3 * measured[1]["block_9"].alone.deviation


def test_labels_add_the_drop(judge: Judge) -> None:
    crops, scheme = judge.faces.crops, judge.faces.scheme
    assert judge.score(judge.simulation.body).nme_drop is None
    # truth as the rounded model has it: rounding can only seem to help
    truth, _ = judge.simulation.outputs(crops, judge.simulation.body)
    labelled, body = (
        Judge(judge.simulation, AnnotatedCrops(crops, scheme, truth)),
        judge.simulation.body,
    )
    exact, other = (labelled.score_in(body, saturating) for saturating in (False, True))
    assert exact.nme_drop == pytest.approx(-exact.deviation, rel=0.05)
    worse = labelled.score(body)
    assert worse.nme_drop == max(exact.nme_drop, other.nme_drop)
    assert worse.deviation == max(exact.deviation, other.deviation)


def test_a_figure_shows_the_costliest(
    measured: tuple[float, dict[str, Row]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = list(measured[1].values())
    monkeypatch.setattr(figure, "MAX_ROWS", 5)
    shown = figure.costliest(rows)
    assert len(shown) == 5
    rest = [row.alone.deviation for row in rows if row not in shown]
    assert min(row.alone.deviation for row in shown) > max(rest)
    figure.save_sensitivity(rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


# the command line


def test_the_command_writes_table_and_figure(model_file: Path, tmp_path: Path) -> None:
    words = [str(model_file), "--data", "synthetic:200", "--faces", "4", "--json"]
    words += ["--output", str(tmp_path / "out")]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert '"block_15"' in result.stdout
    assert '"equalisation"' in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "sensitivity.json", "sensitivity.png"
    }  # fmt: skip
