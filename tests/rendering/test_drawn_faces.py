"""The walking face: it moves, it goes, it comes back to the same place."""

import numpy as np

from asmnet_edge.rendering.drawn_face import AWAY, walk_frame

FACE = np.full((256, 256, 3), 200, np.uint8)


def test_it_moves_and_stays_in_the_picture() -> None:
    for number in range(0, AWAY.start, 27):
        frame = walk_frame(number, FACE)
        assert frame.shape == (480, 640, 3)
        assert (frame == 200).all(axis=2).sum() > 0.98 * 255 * 255
    assert (walk_frame(0, FACE) != walk_frame(40, FACE)).any()


def test_while_it_is_away_nothing_is_there() -> None:
    assert (walk_frame(AWAY.start, FACE) == 110).all()
    assert (walk_frame(AWAY.stop, FACE) != 110).any()
