"""Results that tests share among processes and runs: made once for the sources as they are.

A result is a folder below ``build/tests/KEY``, where KEY is a hash of the product's sources, of the
tests' model and of the libraries' versions. The first process that asks for it makes it, the others
wait; ``make clean`` removes them all. Nobody writes into such a folder.
"""

from __future__ import annotations

import fcntl
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib import metadata, util
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TINY, KERAS2 = HERE / "tiny.py", HERE / "keras2.py"
FOLDER = "ASMNET_EDGE_TEST_CACHE"  # environment variable: another folder than build/tests
PARTS = ("asmnet_edge", "asmnet_edge.converters")  # benchmarks take part in no conversion
LIBRARIES = ("ai-edge-litert", "ai-edge-quantizer", "keras", "nncf", "numpy", "onnx", "onnxruntime",
             "opencv-python-headless", "openvino", "tensorflow", "tf-keras", "tf2onnx")  # fmt: skip
KEPT = 3  # source states, newest first


def shared(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder ``name``, which ``make`` fills if no process has done so yet.

    ``make`` gets an empty folder; where it raises, nothing is kept.
    """
    target = _root() / _key() / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f"{name}.lock")):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as staging:
                (new := Path(staging) / "new").mkdir()
                make(new)
                new.rename(target)
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; it goes with the process, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def _root() -> Path:
    """Return the folder of all states of the sources, without those of long ago."""
    checkout = (HERE.parent / "pyproject.toml").is_file()
    usual = (
        HERE.parent / "build" / "tests"
        if checkout
        else Path(tempfile.gettempdir(), "asmnet-edge-tests")
    )
    root = Path(os.environ.get(FOLDER, usual))
    root.mkdir(parents=True, exist_ok=True)
    (root / _key()).mkdir(exist_ok=True)
    os.utime(root / _key())
    states = sorted(root.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in states[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return root


@cache
def _key() -> str:
    digest = sha256(TINY.read_bytes() + KERAS2.read_bytes())
    for part in PARTS:
        spec = util.find_spec(part)
        assert spec and spec.submodule_search_locations
        for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    for library in LIBRARIES:
        digest.update(f"{library} {_version(library)}".encode())
    return digest.hexdigest()[:16]


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


# the small model and what it converts to


@cache
def tiny() -> Mapping[str, Any]:
    """Return the names that `tiny.py` defines."""
    return runpy.run_path(str(TINY))


def float_file() -> Path:
    """Return the path of the small float model, ``tiny.keras``."""
    folder = shared("float", lambda new: tiny()["tiny_model"]().save(new / "tiny.keras"))
    return folder / "tiny.keras"


@cache
def _graph() -> Any:
    from asmnet_edge.converters.graph import InferenceGraph
    from asmnet_edge.training.float_model import load_float_model

    return InferenceGraph(load_float_model(float_file()))


@cache
def calibration() -> Any:
    """Return the faces that the shared artifacts are calibrated and checked on."""
    return tiny()["tiny_calibration"]()


def moving_face(path: Path, frames: int) -> Path:
    """Write a video of a drawn face that moves to the right, 320 x 256 pixels; return ``path``."""
    import cv2
    import numpy as np

    from asmnet_edge.rendering.drawn_face import draw_face

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 24, (320, 256))
    for number in range(frames):
        picture = np.full((256, 320, 3), 110, np.uint8)
        picture[:, 2 * number : 2 * number + 256] = draw_face(1).picture
        writer.write(picture)
    writer.release()
    return path


def artifact(format: str, precision: str) -> Path:
    """Return the path of the small model in a format and precision, its manifest beside it."""
    from asmnet_edge.converters.jobs import ConversionJob
    from asmnet_edge.io.manifest import Precision

    job = ConversionJob(format, Precision(precision))

    def make(new: Path) -> None:
        from asmnet_edge.converters.artifact import convert_artifact

        convert_artifact(job, _graph(), calibration(), new, "tiny")

    return job.path(shared(f"{format}-{precision}", make), "tiny")


def artifacts_into(folder: Path, *wanted: tuple[str, str]) -> dict[tuple[str, str], Path]:
    """Copy the artifacts of these formats and precisions into one folder; their paths there."""
    copies = {}
    for format, precision in wanted:
        path = artifact(format, precision)
        shutil.copytree(path.parent, folder, dirs_exist_ok=True)
        copies[format, precision] = folder / path.name
    return copies


# models of others, written by Keras 2 in a process of its own

KERAS2_KINDS = ("asmnet68", "mobilenetv2-98", "weights-only", "nested")


def keras2() -> Path:
    """Return the folder of what `keras2.py` writes of each kind: a model and its results."""

    def write(new: Path) -> None:
        subprocess.run([sys.executable, str(KERAS2), str(new), *KERAS2_KINDS], check=True)

    return shared("keras2", write)
