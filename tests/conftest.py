"""Fixtures of all tests: drawn faces, pictures of dots, and real faces if a data folder is set."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

# before anything imports Keras
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# before anything imports NumPy: on a busy machine threads that wait for each other cost drawn faces
# eight times their CPU time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import cv2
import numpy as np
import pytest
from hypothesis import settings

# after Hypothesis, which would draw the same examples each time: with these, OpenVINO and NNCF do
# not report each import and conversion to Intel from forks of this process and of its children
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
os.environ.setdefault("CI", "true")
os.environ.setdefault("NNCF_CI", "1")

from asmnet_edge.datasets.pack import Pack, make_pack
from asmnet_edge.datasets.sample import Sample
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.pose import mean_face, rotation
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme
from asmnet_edge.io.images import Picture

DATA_VARIABLE = "ASMNET_EDGE_DATA"
TESTS = Path(__file__).parent
# the files that take longest, in the order in which workers begin them, so that none is left for
# the end; the first worker makes the shared artifacts, the second one starts processes of training
LONGEST = (
    "converters/test_convert.py",
    "training/test_distribution.py",
    "training/test_kill.py",
    "benchmarks/test_remote.py",
    "cli/test_convert_flow.py",
    "importers/test_keras2.py",
    "cli/test_toy_format.py",
    "converters/test_reproducible.py",
    "training/test_backends.py",
    "benchmarks/test_session.py",
    "cli/test_train.py",
    "cli/test_benchmark.py",
    "converters/test_precisions.py",
    "converters/test_mixed_precision.py",
    "converters/test_sensitivity.py",
    "training/test_accelerated.py",
    "training/test_loop.py",
    "training/test_float_model.py",
    "importers/test_keras3.py",
)

# no test shall fail because the machine is busy
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the `LONGEST` files."""
    if lost := [name for name in LONGEST if not (TESTS / name).is_file()]:
        raise pytest.UsageError(f"LONGEST in tests/conftest.py names {lost}, which is not there")
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(autouse=True)
def subnormal_numbers() -> None:
    """Each test begins with them: ONNX Runtime takes them from a process with its first session,
    and Hypothesis will not draw floats without.
    """
    with suppress(AttributeError):  # a system without C's fenv.h
        ctypes.CDLL(None).fesetenv(ctypes.c_void_p(-1))  # FE_DFL_ENV


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with ``300w``, ``ytf`` and ``wflw_mini``."""
    if DATA_VARIABLE not in os.environ:
        pytest.skip(f"needs the data folder: set {DATA_VARIABLE}")
    return Path(os.environ[DATA_VARIABLE])


@pytest.fixture(scope="session")
def square_scheme() -> LandmarkScheme:
    """A face of four points, clockwise from the upper left; the upper two are its eyes."""
    return LandmarkScheme(
        name="square4",
        points=4,
        groups={"eyes": (0, 1), "mouth": (2, 3)},
        contours=(((0, 1, 2, 3), True),),
        swaps={0: 1, 3: 2},
        eye_corners=(0, 1),
        eyes=((0,), (1,)),
        to_ibug68=(),
    )


@pytest.fixture(scope="session")
def draw_dot() -> Callable[..., Picture]:
    """Draws a picture (height, width, 3), grey as the crop's fill, with a soft white dot."""

    def draw(place: Sequence[float], height: int, width: int, radius: float = 2.0) -> Picture:
        rows, columns = np.mgrid[:height, :width]
        squares = (columns - place[0]) ** 2 + (rows - place[1]) ** 2
        dot = 128 + 127 * np.exp(-squares / (2 * radius**2))
        return np.repeat(dot.round().astype(np.uint8)[..., None], 3, axis=2)

    return draw


@pytest.fixture(scope="session")
def find_dot() -> Callable[[Picture], FloatArray]:
    """Finds x, y of what is brighter than the grey of `draw_dot`: its centre of gravity."""

    def find(picture: Picture) -> FloatArray:
        weight = (picture[..., 0].astype(float) - 132).clip(0)
        rows, columns = np.indices(weight.shape)
        return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()

    return find


@pytest.fixture(scope="session")
def face_points() -> Callable[..., FloatArray]:
    """Landmarks (68, 2) in pixels of the 3-D mean face, seen in a pose from far away."""

    def project(
        pose: Sequence[float] = (0, 0, 0), unit: float = 60, centre: Sequence[float] = (128, 110)
    ) -> FloatArray:
        turned = mean_face() @ rotation(np.array(pose, float)).T
        return unit * turned[:, :2] + centre

    return project


@pytest.fixture(scope="session")
def face_samples(face_points: Callable[..., FloatArray]) -> Callable[[int], list[Sample]]:
    """Some faces in different poses: line drawings in 256 x 256 pixels."""

    def draw(points: FloatArray) -> Picture:
        picture = np.full((256, 256, 3), 90, np.uint8)
        for number, (indices, closed) in enumerate(IBUG68.contours):
            line = points[list(indices)].round().astype(np.int32)
            colour = (25 * number, 255 - 25 * number, 180)
            cv2.polylines(picture, [line], closed, colour, 2, cv2.LINE_AA)
        return picture

    def sample(number: int) -> Sample:
        rng = np.random.default_rng(number)
        pose = rng.uniform([-30, -15, -20], [30, 15, 20])
        points = face_points(pose, rng.uniform(50, 70)) + rng.normal(0, 0.8, (68, 2))
        landmarks = Landmarks(points, IBUG68)
        return Sample(
            f"face{number}", f"person{number // 2}", lambda: draw(points), landmarks, pose
        )

    return lambda count: [sample(number) for number in range(count)]


@pytest.fixture(scope="session")
def face_pack(face_samples: Callable[[int], list[Sample]]) -> Pack:
    """Twelve drawn faces of six people."""
    return make_pack(face_samples(12))
