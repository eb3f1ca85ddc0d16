"""YuNet, OpenCV's small face network, with a model file that the user brings.

Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 2023.
It finds five points of each face too: eyes, tip of the nose, corners of the mouth.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from asmnet_edge.errors import MissingExtraError, ModelError, UsageError
from asmnet_edge.geometry.landmarks import Box, FloatArray, bounding_box
from asmnet_edge.geometry.pose import mean_face
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.backends.backend import Files, read_files
from asmnet_edge.runtime.detector import Detector, DetectorOptions
from asmnet_edge.runtime.haar import DETECTION_SIDE, shrunk
from asmnet_edge.runtime.sandbox import check_size, run_probe

LARGEST = 10**6  # bytes of a model; the known one has a quarter of that
SCORE = 0.7  # lowest score of a face
PROBE = "asmnet_edge.runtime.yunet"  # this module's `probe`, which runs in the sandbox
# iBUG's points for YuNet's five: each eye's rim, tip of the nose, corners of the mouth
FIVE = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))
THE_ONE = "The one that is known to work: face_detection_yunet_2023mar.onnx of OpenCV's model zoo"


def prepare(options: DetectorOptions) -> Callable[[], Detector]:
    """Open the detector ``yunet`` of `asmnet_edge.runtime.detector.DETECTORS`.

    `UsageError` without a model, `ModelError` where it does not load and run in the sandbox.
    """
    if options.model is None:
        raise UsageError("--detector yunet needs its model", "Give --yunet FILE.onnx")
    side = DETECTION_SIDE // 2 if options.fast else DETECTION_SIDE
    return partial(yunet, options.model, side, read_yunet(options.model))


def yunet(model: Path, side: int = DETECTION_SIDE, content: bytes | None = None) -> Detector:
    """Open a detector with the model at ``model``; pictures are shrunk to ``side`` at most.

    content : what `read_yunet` returned for it, where several detectors share a model
    """
    network = network_of(model, read_yunet(model) if content is None else content)

    def detect(picture: Picture) -> list[Box]:
        small, shrink = shrunk(picture, side)
        network.setInputSize((small.shape[1], small.shape[0]))
        try:
            _, found = network.detect(small)
        except cv2.error as error:
            raise ModelError(f"{model} cannot run as YuNet: {error.err}", THE_ONE) from error
        # x, y, width, height, five points, score; places count from pixel edges
        rows = np.reshape(found if found is not None else [], (-1, 15)).astype(np.float64)
        return _largest_first([_box(row[4:14].reshape(5, 2) / shrink - 0.5) for row in rows])

    return detect


def read_yunet(model: Path) -> bytes:
    """Return the file at ``model`` after it was loaded and run in the sandbox.

    OpenCV's importer of ONNX is native code, and the file of a user has no manifest.
    """
    if not hasattr(cv2, "FaceDetectorYN"):
        raise MissingExtraError(f"OpenCV {cv2.__version__} has no YuNet", "Install 4.9 or later")
    if not model.is_file() or model.suffix != ".onnx":
        raise ModelError(f"there is no YuNet model at {model}", THE_ONE)
    files = read_files(model, LARGEST + 1)
    check_size(model, files, LARGEST, THE_ONE)
    run_probe(PROBE, model, files, THE_ONE)
    return files[model.suffix]


def probe(path: Path, files: Files) -> dict[str, Any]:
    """Load the model and run it on grey; called in the sandbox, see `run_probe`.

    Returns nothing that is needed outside: that it ended well is enough.
    """
    network = network_of(path, files[path.suffix])
    network.setInputSize((320, 320))
    network.detect(np.full((320, 320, 3), 128, np.uint8))
    return {}


def network_of(model: Path, content: bytes) -> Any:
    """Load OpenCV's network from the ``content`` of ``model``."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "yunet.onnx"
        copy.write_bytes(content)
        try:
            return cv2.FaceDetectorYN.create(str(copy), "", (320, 320), SCORE)
        except cv2.error as error:
            raise ModelError(f"{model} cannot be loaded as YuNet: {error.err}", THE_ONE) from error


def _largest_first(boxes: list[Box]) -> list[Box]:
    return sorted(boxes, key=lambda box: -box.width)


def _box(five: FloatArray) -> Box:
    """Return the square around the landmarks of the face with ``five`` points (5, 2) in pixels.

    The frontal mean face laid onto the five (2-D Procrustes) gives the place where the 68 would
    lie. The box of YuNet is less exact: it includes more or less of the brow and chin.
    """
    flat = mean_face()[:, :2] @ [1, 1j]
    known, seen = _five(), five @ [1, 1j]
    centred = known - known.mean()
    factor = np.vdot(centred, seen - seen.mean()) / np.vdot(centred, centred)
    laid = factor * (flat - known.mean()) + seen.mean()
    box = bounding_box(np.stack([laid.real, laid.imag], axis=1))
    side, (x, y) = max(box.width, box.height, 1.0), box.centre
    return Box(x - side / 2, y - side / 2, side, side)


@cache
def _five() -> Any:
    """Return YuNet's five points of the mean face as complex numbers (5,)."""
    face = mean_face()[:, :2]
    return np.stack([face[list(points)].mean(axis=0) for points in FIVE]) @ [1, 1j]
