"""Products cut off at 16 bits: the simulation, its kernels, and weights that prevent it."""

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from asmnet_edge.converters.checks import arithmetic
from asmnet_edge.converters.checks.arithmetic import (
    EXACT,
    PRODUCT,
    SATURATING,
    open_in_both,
    saturates,
)
from asmnet_edge.converters.checks.parity import Parities, Parity
from asmnet_edge.converters.onnx.onnx_saturation import Graph, simulated
from asmnet_edge.converters.saturation.convolution import Window
from asmnet_edge.converters.saturation.pairs import (
    SAFE,
    by_place,
    in_a_row,
    kernel_of,
    limited,
    pair_sums,
    pairings,
    products,
    rows_of,
)
from asmnet_edge.converters.saturation.weight_limits import Layer, better
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.io.manifest import Precision, read_manifest

KERNELS = Path(__file__).with_name("saturating_kernels.py")
QEMU = shutil.which("qemu-x86_64")


def row(*numbers: int, kind: type = np.int8) -> np.ndarray:
    return np.array([numbers], kind)


# by hand


def test_a_pair_ends_at_16_bits() -> None:
    codes = row(255, 255, kind=np.uint8)
    assert products(codes, row(127, 127)) == 64770
    assert products(codes, row(127, 127), in_a_row(2)) == 32767
    assert products(codes, row(-127, -127), in_a_row(2)) == -32768
    assert products(codes, row(127, -127), in_a_row(2)) == 0


def test_pairs_are_summed_in_32_bits() -> None:
    codes, steps = row(255, 255, 255, 255, 9, kind=np.uint8), row(127, 127, 64, 64, 5)
    assert products(codes, steps, in_a_row(5)) == 32767 + 128 * 255 + 45


def test_neighbours_lie_in_a_row_or_at_a_place() -> None:
    codes = row(0, 0, 255, 255, 0, 0, kind=np.uint8)  # blue of a place, red of the next
    steps = row(127, 127, 127, 127, 127, 127)
    assert products(codes, steps, in_a_row(6)) == 32767
    assert products(codes, steps, by_place(6, channels=3)) == 64770


def test_a_kernel_is_taken_row_by_row_its_channels_fastest() -> None:
    kernel = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2)
    assert rows_of(kernel)[0].tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    assert (kernel_of(rows_of(kernel), kernel.shape) == kernel).all()


def test_a_window_sees_codes_as_a_kernel_has_them() -> None:
    codes = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    seen = Window((2, 2), strides=(2, 2), padding=(0, 0, 1, 1)).columns(codes, zero=99)
    assert seen[0].tolist() == [0, 9, 1, 10, 3, 12, 4, 13]
    assert seen[3].tolist() == [8, 17, 99, 99, 99, 99, 99, 99]


# limited weights


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 4), st.sampled_from([1, 4, 9])),
        elements=st.floats(-4, 4, width=32),
    )
)
def test_limited_weights_never_saturate_and_are_rounded_at_most_half_a_step(
    kernel: np.ndarray,
) -> None:
    rows = rows_of(kernel)
    known = pairings(rows.shape[1], kernel.shape[1])
    steps, scale = limited(rows, known)
    for pairing in known:
        assert pair_sums(steps, pairing).max(initial=0) <= SAFE
        codes = np.full((1, rows.shape[1]), 255, np.uint8)
        assert (products(codes, steps, pairing) == products(codes, steps)).all()
    assert (np.abs(steps * scale[:, None] - rows) <= 0.501 * scale[:, None] + 1e-9).all()


def test_the_scale_grows_no_more_than_a_pair_asks_for() -> None:
    steps, scale = limited(np.array([[1, 0], [1, 0.5], [1.0, 1.0], [1.0, -1.0]]), [in_a_row(2)])
    assert scale == pytest.approx([1 / 127, 1.5 / 127.5, 2 / 127.5, 1 / 127])
    assert steps.tolist() == [[127, 0], [85, 42], [64, 64], [127, -127]]


def layer(steps: list[int], codes: list[int], zero: int = 0) -> Layer:
    """One channel that rounding changed nothing of."""
    values = np.array([codes], np.uint8)
    return Layer(np.array([steps], float), row(*steps), np.ones(1), values, zero, 2)


def test_a_layer_is_left_alone_where_nothing_is_lost() -> None:
    assert better(layer([127, 127], [10, 10])) is None
    assert better(layer([64, 64], [255, 255])) is None


def test_a_layer_is_limited_where_more_is_lost_than_rounding_costs() -> None:
    found = better(layer([127, 121], [255, 255]))
    assert found is not None
    steps, scale, _ = found
    assert np.abs(steps * scale[:, None] - [127, 121]).max() < 1
    assert better(layer([127, 2], [255, 255])) is None


# the real kernels


def kernels(*command: str) -> dict:
    """How far the simulation lies from the kernels; see `saturating_kernels`."""
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_the_simulation_is_what_the_kernels_here_compute() -> None:
    for found in kernels(sys.executable, str(KERNELS)).values():
        assert found["worst"] == 0, found
        assert found["changed"] > 1000


@pytest.mark.skipif(not QEMU, reason="needs qemu-x86_64: apt-get install qemu-user")
def test_the_simulation_is_what_the_kernels_of_a_cpu_without_vnni_compute() -> None:
    """An emulated Haswell with AVX2. It runs the interpreter itself, which knows no environment.

    Without ``-S`` packages beside that interpreter would go before those of the environment.
    """
    start = f"import runpy, site; site.addsitedir({sysconfig.get_paths()['purelib']!r})"
    run = f"runpy.run_path({str(KERNELS)!r}, run_name='__main__')"
    interpreter = str(Path(sys.executable).resolve())
    found = kernels(str(QEMU), "-cpu", "Haswell", interpreter, "-S", "-c", f"{start}; {run}")
    for one in found.values():
        assert one["saturates"]
        assert one["worst"] == 0, one


def test_the_probe_is_a_product_of_the_largest_numbers() -> None:
    model = onnx.load_from_string(PRODUCT)
    onnx.checker.check_model(model)
    assert (numpy_helper.to_array(model.graph.initializer[0]) == 127).all()
    assert not saturates("tflite")


# whole files


@pytest.fixture
def spoilt(artifacts: Callable[[str, str], Path], tmp_path: Path) -> Path:
    """The tiny int8 ONNX file with large weights of one sign, which saturate as they can."""
    path = tmp_path / "spoilt.onnx"
    graph = Graph(onnx.load(artifacts("onnx", "int8")))
    for place in graph.convolutions()[:4]:
        graph.replace(place.names[0], np.maximum(np.abs(place.one.kernel), 100).astype(np.int8))
    onnx.save(graph.model, path)
    return path


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_an_artifact_is_near_the_float_model_in_both_arithmetics(
    artifacts: Callable[[str, str], Path], name: str
) -> None:
    parity = Parities.from_json(read_manifest(artifacts(name, "int8")).parity)
    assert parity.saturating is not None
    exact, other = parity.exact.deviation_iod_percent, parity.saturating.deviation_iod_percent
    assert 0 < other <= 1.2 * exact


@pytest.mark.parametrize("name", ["tflite", "onnx", "openvino"])
def test_float_files_have_one_arithmetic(artifacts: Callable[[str, str], Path], name: str) -> None:
    assert open_in_both(artifacts(name, "float32")).other is None


def test_what_saturates_differs_between_the_arithmetics(spoilt: Path, crops: np.ndarray) -> None:
    both = open_in_both(spoilt).run(crops[:2])
    assert np.abs(both[EXACT][0] - both[SATURATING][0]).max() > 0.001


def test_either_arithmetic_is_simulated_as_it_is_here(spoilt: Path, crops: np.ndarray) -> None:
    both = open_in_both(spoilt)
    again = arithmetic.simulated(spoilt, both.here)
    assert again is not None
    landmarks = np.stack([again.run(crop[None])[0] for crop in crops[:4]])
    results = both.run(crops[:4])
    other = results[arithmetic.other_than(both.here)][0]
    assert np.abs(landmarks - results[both.here][0]).max() < 0.2 * np.abs(landmarks - other).max()


def test_a_file_that_cannot_saturate_needs_no_simulation(
    artifacts: Callable[[str, str], Path],
) -> None:
    graph = Graph(onnx.load(artifacts("onnx", "int8")))
    for place in graph.convolutions():
        graph.replace(place.names[0], (place.one.kernel // 2).astype(np.int8))
    assert simulated(graph.model.SerializeToString(), saturating=True) is None


# reports of saturation

NEAR, FAR = Parity(4, 1.0, 0.5, 0.4, 0.1), Parity(4, 9.0, 5.0, 4.3, 2.0)


def test_a_refusal_names_saturation_when_that_is_the_cause() -> None:
    with pytest.raises(CheckFailedError) as raised:
        Parities(NEAR, FAR).check(Precision.INT8, "net.onnx")
    assert "4.30 % of the inter-ocular distance" in raised.value.message
    assert "saturate at 16 bits" in raised.value.message
    assert "0.40 %" in raised.value.message
    assert "--max-deviation" in str(raised.value)


def test_a_refusal_names_the_calibration_when_both_are_far() -> None:
    with pytest.raises(CheckFailedError, match="Calibrate on faces that look more like yours"):
        Parities(FAR, FAR).check(Precision.INT8, "net.onnx")
    Parities(NEAR, NEAR).check(Precision.INT8, "net.onnx")


def test_old_manifests_tell_one_parity() -> None:
    old = Parities.from_json(NEAR.as_json())
    assert old == Parities(NEAR)
    assert Parities.from_json(Parities(NEAR, FAR).as_json()) == Parities(NEAR, FAR)
    Parities(NEAR).check(Precision.INT8, "net.onnx")
