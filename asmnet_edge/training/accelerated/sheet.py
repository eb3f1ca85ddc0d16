"""A sheet of turned heads for people to look at; unlike its neighbours this needs OpenCV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from asmnet_edge.drawing import contact_sheet, draw_landmarks
from asmnet_edge.landmarks import Landmarks
from asmnet_edge.pictures import Picture, write_picture
from asmnet_edge.schemes import IBUG68
from asmnet_edge.training.accelerated.turned import TurnedHeads


def write_sheet(path: Path, sources: Tensor, turned: TurnedHeads, columns: int = 9) -> None:
    """Write, for each face, its source (B, 3, S, S) RGB, the turned head, and that with landmarks.

    ``path`` ends in .jpg or .png; captions say yaw and pitch in degrees.
    """
    tiles: list[Picture] = []
    captions: list[str] = []
    for source, head, points, pose in zip(
        sources, turned.pictures, turned.points, turned.pose, strict=True
    ):
        marked = _bgr(head)
        draw_landmarks(marked, Landmarks(points.cpu().numpy().astype(np.float64), IBUG68))
        tiles += [_bgr(source), _bgr(head), marked]
        captions += ["source", f"yaw {pose[0]:.0f} pitch {pose[1]:.0f}", ""]
    write_picture(path, contact_sheet(tiles, captions, columns))


def _bgr(picture: Tensor) -> Picture:
    """(S, S, 3) BGR of ``picture`` (3, S, S) RGB uint8."""
    return np.ascontiguousarray(picture.cpu().numpy().transpose(1, 2, 0)[..., ::-1])
