"""The picture of a shape model: a row a mode, the mean in the middle."""

import numpy as np
import pytest

from asmnet_edge.datasets.figures import MODE_TILE as TILE
from asmnet_edge.datasets.figures import draw_modes, mode_shapes
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.geometry.shape_model import PointDistributionModel

SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])


@pytest.fixture(scope="module")
def model(square_scheme: LandmarkScheme) -> PointDistributionModel:
    """Squares that differ in width (sd 2 along it), and half as much in height."""
    shapes = [SQUARE * [9 + w, 9 + h] for w in (-1, 0, 1) for h in (-0.5, 0, 0.5)]
    return PointDistributionModel.fit(np.stack(shapes), 1.0, "none", square_scheme)


def tile(picture: np.ndarray, row: int, column: int) -> np.ndarray:
    """What lies above the caption in that row and column."""
    y, x = 4 + row * (TILE + 22), 4 + column * (TILE + 4)
    return picture[y : y + TILE, x : x + TILE]


def extent(marked: np.ndarray) -> tuple[int, int]:
    """Width and height of what is marked."""
    rows, columns = np.nonzero(marked)
    return int(np.ptp(columns)), int(np.ptp(rows))


def face(tile: np.ndarray) -> np.ndarray:
    """Where the face is drawn: contours and points are green or yellow."""
    return tile[..., 1] > 125


def ghost(tile: np.ndarray) -> np.ndarray:
    """Where the mean is seen behind it: nothing else has so much blue."""
    return tile[..., 0] > 82


def test_a_mode_moves_the_mean_by_three_deviations(model: PointDistributionModel) -> None:
    shapes = mode_shapes(model, 2)
    assert shapes.shape == (2, 3, 4, 2)
    np.testing.assert_allclose(shapes[:, 1], [SQUARE * 9] * 2, atol=1e-9)
    # widths 8, 9, 10, each three times: their variance over faces - 1 is 6 / 8
    wide = sorted(np.ptp(shapes[0, i, :, 0]) for i in (0, 2))
    np.testing.assert_allclose(wide, [18 - 6 * np.sqrt(0.75), 18 + 6 * np.sqrt(0.75)])
    np.testing.assert_allclose(np.ptp(shapes[0, :, :, 1], axis=1), 18)


def test_a_row_a_mode(model: PointDistributionModel) -> None:
    for modes in (1, 2):
        assert draw_modes(model, modes).shape == (
            modes * (TILE + 22) + 4,
            3 * (TILE + 4) + 4,
            3,
        )


def test_the_first_mode_is_seen_to_change_the_width(model: PointDistributionModel) -> None:
    picture = draw_modes(model, 1)
    widths, heights = zip(*(extent(face(tile(picture, 0, c))) for c in range(3)), strict=True)
    low, middle, high = sorted(widths)
    assert middle == widths[1]
    # of 18 units, 6 sqrt(0.75) less or more
    assert low / middle == pytest.approx(12.8 / 18, abs=0.03)
    assert high / middle == pytest.approx(23.2 / 18, abs=0.03)
    assert np.ptp(heights) <= 2


def test_every_tile_shows_the_mean_at_one_scale(model: PointDistributionModel) -> None:
    picture = draw_modes(model, 2)
    tiles = [tile(picture, 0, column) for column in range(3)]
    narrow = min(tiles, key=lambda seen: extent(face(seen)))
    # the dots on its corners stand out a little
    np.testing.assert_allclose(extent(ghost(narrow))[0], extent(face(tiles[1]))[0], atol=6)
    assert (tile(picture, 0, 1) == tile(picture, 1, 1)).all()


def test_every_row_states_its_share(model: PointDistributionModel) -> None:
    picture = draw_modes(model, 2)
    captions = [picture[4 + r * (TILE + 22) + TILE :][:18, 4 : 4 + TILE] for r in (0, 1)]
    assert all((caption > 150).any() for caption in captions)
    assert (captions[0] != captions[1]).any()  # 80 % and 20 %
    np.testing.assert_allclose(model.shares[:2], [0.8, 0.2])


def test_without_a_scheme_there_are_no_contours() -> None:
    model = PointDistributionModel.fit(np.stack([SQUARE, 2 * SQUARE]))
    with pytest.raises(ModelError, match="joined to contours"):
        draw_modes(model, 1)
