"""Drawing of landmarks and head axes on images, and contact sheets."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.pose import rotation
from asmnet_edge.io.images import Picture

CONTOUR = (80, 220, 80)  # BGR
POINT = (40, 240, 255)
AXIS_COLOURS = ((60, 60, 255), (60, 220, 60), (255, 140, 40))  # right, down, out of the face
CAPTION = (235, 235, 235)
SHEET = (32, 32, 32)
SHIFT = 4  # OpenCV draws at sixteenths of a pixel


def draw_landmarks(
    canvas: Picture, landmarks: Landmarks, contour: tuple[int, int, int] = CONTOUR
) -> None:
    """Draw contours and points onto ``canvas`` (H, W, 3) BGR, as thick as the face is large."""
    draw_contours(canvas, landmarks, contour)
    size = max(landmarks.box.width, landmarks.box.height)
    radius = round(max(1.2, size / 150) * 2**SHIFT)
    for x, y in _fixed_point(landmarks.points).tolist():
        cv2.circle(canvas, (x, y), radius, POINT, cv2.FILLED, cv2.LINE_AA, SHIFT)


def draw_contours(canvas: Picture, landmarks: Landmarks, colour: tuple[int, int, int]) -> None:
    """Draw the scheme's contours alone onto ``canvas`` (H, W, 3) BGR."""
    size = max(landmarks.box.width, landmarks.box.height)
    thickness = max(1, round(size / 200))
    for indices, closed in landmarks.scheme.contours:
        line = _fixed_point(landmarks.points[list(indices)])
        cv2.polylines(canvas, [line], closed, colour, thickness, cv2.LINE_AA, SHIFT)


def draw_pose(canvas: Picture, landmarks: Landmarks, pose: FloatArray) -> None:
    """Draw the head's axes of ``pose`` (3,) from the middle of the face.

    The longest one points out of it.
    """
    points = landmarks.points
    centre = points.mean(axis=0)
    length = 0.35 * max(landmarks.box.width, landmarks.box.height)
    turn = rotation(pose)
    ends = (turn[:, 0], turn[:, 1], -1.4 * turn[:, 2])
    for end, colour in zip(ends, AXIS_COLOURS, strict=True):
        line = _fixed_point(np.array([centre, centre + length * end[:2]]))
        thickness = max(1, round(length / 60))
        cv2.polylines(canvas, [line], False, colour, thickness, cv2.LINE_AA, SHIFT)


def contact_sheet(
    tiles: Sequence[Picture], captions: Sequence[str] = (), columns: int = 8, gap: int = 4
) -> Picture:
    """Return a sheet of ``tiles``, all (h, w, 3) BGR, in rows of ``columns`` with captions."""
    height, width = tiles[0].shape[:2]
    line = 18 if captions else 0
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    step = np.array([height + line + gap, width + gap])
    sheet = np.full((*(step * (rows, columns) + gap), 3), SHEET, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = step * divmod(number, columns) + gap
        sheet[y : y + height, x : x + width] = tile
        if captions:
            _write(sheet[y + height : y + height + line, x : x + width], captions[number])
    return sheet


def _write(place: Picture, text: str) -> None:
    """Write ``text`` over the whole height of ``place``; what does not fit is cut off."""
    baseline = len(place) - 5
    cv2.putText(place, text, (2, baseline), cv2.FONT_HERSHEY_DUPLEX, 0.4, CAPTION, 1, cv2.LINE_AA)


def _fixed_point(points: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.round(points * 2**SHIFT).astype(np.int32)
