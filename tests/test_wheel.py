"""The wheel is the product: its contents are complete, and contain nothing else."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from asmnet_edge.io.images import write_image
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime.bundle import build_wheel

CHECKOUT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "runs")

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "pyproject.toml").is_file(), reason="these tests run outside a checkout"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Build the wheel from a copy, so that nothing from an earlier build gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(CHECKOUT, folder / "source", ignore=LEFT_OUT)
    return ZipFile(build_wheel(folder / "source", folder))


def test_the_source_distribution_builds_the_same_wheel(wheel: ZipFile, tmp_path: Path) -> None:
    checkout = Path(str(wheel.filename)).parent / "source"
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    rebuilt = ZipFile(build_wheel(source, tmp_path))
    assert set(rebuilt.namelist()) == set(wheel.namelist())


@pytest.fixture(scope="module")
def names(wheel: ZipFile) -> set[str]:
    return set(wheel.namelist())


def test_nothing_lands_under_a_general_name(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    (facts,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == {"asmnet_edge", facts}


def test_no_test_lands_in_it(names: set[str]) -> None:
    files = [Path(name) for name in names]
    assert not [f for f in files if f.name.startswith(("test_", "conftest")) or "tests" in f.parts]


@pytest.mark.parametrize("room", ["converters", "benchmarks"])
def test_rooms_beside_the_package_are_in_it(names: set[str], room: str) -> None:
    files = {
        f"asmnet_edge/{path.relative_to(CHECKOUT)}" for path in CHECKOUT.glob(f"{room}/**/*.py")
    }
    assert len(files) > 3
    assert files <= names


def test_every_module_of_the_package_is_in_it(names: set[str]) -> None:
    files = {str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("asmnet_edge/**/*.py")}
    assert len(files) > 30
    assert files <= names


@pytest.mark.parametrize(
    "name",
    [
        "assets/mean_face_68.csv",
        "assets/plausibility_68.npz",
        "py.typed",
        "weights/asmnet68.keras",
        "weights/asmnet68-int8.tflite",
        "weights/asmnet68-int8.tflite.json",
    ],
)
def test_what_is_no_code_is_in_it_too(wheel: ZipFile, name: str) -> None:
    assert wheel.read(f"asmnet_edge/{name}") == (CHECKOUT / "asmnet_edge" / name).read_bytes()


def test_the_licence_is_in_it(wheel: ZipFile, names: set[str]) -> None:
    (name,) = (n for n in names if n.endswith(".dist-info/licenses/LICENSE"))
    assert wheel.read(name) == (CHECKOUT / "LICENSE").read_bytes()


def test_the_command_and_the_extras_are_declared(wheel: ZipFile, names: set[str]) -> None:
    def read(end: str) -> str:
        return wheel.read(next(n for n in names if n.endswith(end))).decode()

    assert "asmnet-edge = asmnet_edge.cli.main:main" in read("entry_points.txt")
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    for extra in settings["project"]["optional-dependencies"]:
        assert f"Provides-Extra: {extra}" in read("/METADATA")


@pytest.fixture(scope="module")
def installed(wheel: ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked as an installer does, away from the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    return folder


def run_from(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the wheel's package before any other, started outside the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=installed, env=environment, capture_output=True, text=True, check=False
    )


def test_the_rooms_import_from_the_wheel(installed: Path) -> None:
    rooms = "asmnet_edge.converters", "asmnet_edge.benchmarks", "asmnet_edge.runtime.landmarker"
    code = "\n".join(f"import {room}; print({room}.__file__)" for room in rooms)
    found = run_from(installed, "-c", code).stdout.split()
    assert len(found) == 3
    assert all(Path(file).is_relative_to(installed) for file in found)


def test_the_wheel_finds_a_face(installed: Path) -> None:
    write_image(installed / "face.png", draw_face(3).picture)
    ended = run_from(installed, "-m", "asmnet_edge", "predict", "face.png")
    assert ended.returncode == 0, ended.stderr
    (face,) = json.loads((installed / "face-faces.json").read_text())["faces"]
    far = np.linalg.norm(np.array(face["landmarks"]) - draw_face(3).landmarks.points, axis=1)
    assert far.mean() < 10  # of 256 pixels: the shipped model was never shown a drawn face


def test_the_scripts_for_devices_are_in_it(wheel: ZipFile, names: set[str]) -> None:
    scripts = CHECKOUT / "scripts" / "raspberry_pi"
    for script in (*scripts.glob("*.sh"), *scripts.glob("*.service")):
        assert wheel.read(f"asmnet_edge/raspberry_pi/{script.name}") == script.read_bytes()
    assert "asmnet_edge/raspberry_pi/install.sh" in names
    assert "asmnet_edge/benchmarks/report/templates/page.html" in names
    assert "asmnet_edge/benchmarks/model_card/templates/card.md" in names
