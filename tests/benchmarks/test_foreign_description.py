"""Heat maps of others: points drawn into maps come back out of them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from asmnet_edge.benchmarks.cases import Case
from asmnet_edge.benchmarks.foreign_description import Heatmaps, read_foreign
from asmnet_edge.benchmarks.model_loading import open_checked_model
from asmnet_edge.errors import UsageError

SIZE, CELLS = 64, 16


def maps_with(cells: list[tuple[int, int]]) -> np.ndarray:
    """One map a cell (column, row), which is its peak."""
    maps = np.zeros((1, len(cells), CELLS, CELLS), np.float32)
    for point, (column, row) in enumerate(cells):
        maps[0, point, row, column] = 1
    return maps


def test_a_peak_is_the_middle_of_its_cell() -> None:
    points = Heatmaps().decode(maps_with([(0, 0), (3, 12)]), SIZE)
    np.testing.assert_allclose(points, [[0.5 / 16, 0.5 / 16], [3.5 / 16, 12.5 / 16]])


def test_with_the_corners_on_the_outer_pixels_the_last_cell_is_the_last_pixel() -> None:
    points = Heatmaps(grid="corners").decode(maps_with([(0, 15), (15, 0)]), SIZE)
    np.testing.assert_allclose(SIZE * points - 0.5, [[0, 63], [63, 0]])


def test_maps_come_in_either_layout() -> None:
    maps = maps_with([(3, 12), (7, 1)])
    there = Heatmaps(layout="NHWC").decode(maps.transpose(0, 2, 3, 1), SIZE)
    np.testing.assert_array_equal(there, Heatmaps().decode(maps, SIZE))


def test_a_quarter_goes_towards_the_higher_neighbour() -> None:
    maps = maps_with([(5, 5), (0, 15)])
    maps[0, 0, 5, 6], maps[0, 0, 4, 5] = 0.5, 0.5
    moved = Heatmaps(refine="quarter").decode(maps, SIZE) - Heatmaps().decode(maps, SIZE)
    # at the border the peak itself counts as the neighbour that is not there
    np.testing.assert_allclose(moved * CELLS, [[0.25, -0.25], [-0.25, 0.25]])


@pytest.mark.parametrize("order", ["xy", "yx"])
def test_offsets_are_the_rest(order: str) -> None:
    offsets = np.array([[1.5, -0.25], [-2.0, 0.75]])  # x, y of two points, in units of 3 pixels
    reported = 1 / (1 + np.exp(-(offsets if order == "xy" else offsets[:, ::-1]).T))
    spread = np.broadcast_to(reported[..., None, None], (2, 2, CELLS, CELLS)).reshape(1, 4, 16, 16)
    maps = np.concatenate([maps_with([(5, 6), (7, 1)]), spread.astype(np.float32)], axis=1)
    told_by = Heatmaps(refine="offsets", offset_order=order, offset_scale=3.0, offset_logit=True)
    moved = told_by.decode(maps, SIZE) - Heatmaps().decode(maps[:, :2], SIZE)
    np.testing.assert_allclose(SIZE * moved, 3 * offsets, atol=1e-5)


def test_offsets_at_their_end_stay_finite() -> None:
    maps = np.ones((1, 3, CELLS, CELLS), np.float32)
    assert np.isfinite(Heatmaps(refine="offsets", offset_logit=True).decode(maps, SIZE)).all()


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network that answers any crop with 68 maps, the peak of number n in cell n."""
    values = np.eye(68, 256, dtype=np.float32).reshape(1, 68, 16, 16)
    crop = helper.make_tensor_value_info("crop", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, 68, 16, 16])
    constant = helper.make_tensor("values", TensorProto.FLOAT, values.shape, values.ravel())
    nodes = [
        helper.make_node("ReduceMax", ["crop"], ["most"], keepdims=1),
        helper.make_node("Relu", ["most"], ["light"]),
        helper.make_node("Mul", ["values", "light"], ["maps"]),
    ]
    graph = helper.make_graph(nodes, "maps", [crop], [maps], [constant])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "maps.onnx")
    text = 'model = "maps.onnx"\n[input]\nsize = 64\n[output.heatmaps]\n'
    (tmp_path / "maps.toml").write_text(text)
    return tmp_path / "maps.toml"


def test_a_network_of_heat_maps_is_a_row(network: Path) -> None:
    model = open_checked_model(Case(network, compared=False))
    landmarks, _ = model.backend.run(np.full((1, SIZE, SIZE, 3), 255, np.uint8))
    cells = np.stack([np.arange(68) % 16, np.arange(68) // 16], axis=1)
    np.testing.assert_allclose(landmarks, (cells + 0.5) / 16, atol=1e-6)


def test_a_wrong_word_is_named_with_those_that_are_known(network: Path) -> None:
    network.write_text(network.read_text() + 'refine = "subpixel"\n')
    with pytest.raises(UsageError, match="refine must be one of .*quarter.*'subpixel'"):
        read_foreign(network)
