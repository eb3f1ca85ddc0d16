"""Drawing: dots lie on their landmarks, tiles of a sheet in their places."""

import numpy as np
import pytest

from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.drawing import contact_sheet, draw_landmarks


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_a_dot_lies_on_its_landmark(shift: float) -> None:
    dots = LandmarkScheme("dots", 2, {"all": (0, 1)}, (), {0: 1}, (0, 1), ((0,), (1,)), ())
    canvas = np.zeros((60, 60, 3), np.uint8)
    draw_landmarks(canvas, Landmarks(np.array([[15 + shift, 20], [50, 50]]), dots))
    spot = canvas[:40, :40].sum(axis=2)
    rows, columns = np.indices(spot.shape)
    assert (columns * spot).sum() / spot.sum() == pytest.approx(15 + shift, abs=0.2)
    assert (rows * spot).sum() / spot.sum() == pytest.approx(20, abs=0.2)


def tile(value: int) -> np.ndarray:
    return np.full((20, 30, 3), value, np.uint8)


def test_a_contact_sheet_shows_every_tile_in_rows() -> None:
    sheet = contact_sheet([tile(100 + i) for i in range(5)], columns=2, gap=4)
    assert sheet.shape == (3 * 24 + 4, 2 * 34 + 4, 3)
    for number in range(5):
        y, x = 4 + 24 * (number // 2), 4 + 34 * (number % 2)
        assert (sheet[y : y + 20, x : x + 30] == 100 + number).all()


def test_captions_stand_below_their_tiles_and_stay_in_them() -> None:
    tiles = [tile(100)] * 2
    plain, captioned = (contact_sheet(tiles, words) for words in (["", ""], ["W" * 50, ""]))
    rows, columns = np.nonzero((plain != captioned).any(axis=2))
    assert rows.min() >= 24
    assert columns.max() < 34


def test_fewer_tiles_than_columns_make_a_narrow_sheet() -> None:
    assert contact_sheet([tile(1)], columns=8, gap=0).shape == (20, 30, 3)
