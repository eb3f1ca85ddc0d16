"""The public API: light to import, complete, typed; and the examples that use it."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import shared

import asmnet_edge
from asmnet_edge.io.images import read_image, write_image
from asmnet_edge.rendering.drawn_face import draw_face

SOURCE = Path(asmnet_edge.__file__)
EXAMPLES = SOURCE.parents[1] / "examples"
FRAMES = 12


def run_python(*words: str | Path) -> str:
    command = [sys.executable, "-P", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_importing_the_package_is_light() -> None:
    code = "import asmnet_edge, sys; dir(asmnet_edge); print(*sys.modules)"
    loaded = {name.split(".")[0] for name in run_python("-c", code).split()}
    assert "asmnet_edge" in loaded
    assert not loaded & {"numpy", "cv2", "click", "keras", "tensorflow"}


@pytest.mark.parametrize("name", asmnet_edge.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(asmnet_edge, name)
    assert name in dir(asmnet_edge)
    assert name.startswith("__") or (value.__doc__ or "").strip()


def test_what_editors_see_is_what_there_is() -> None:
    (block,) = [
        node for node in ast.parse(SOURCE.read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]  # fmt: skip
    typed = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    assert typed == asmnet_edge._EXPORTS
    assert sorted(typed) == [name for name in asmnet_edge.__all__ if name != "__version__"]


def test_a_misspelt_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'FaceLandmaker'"):
        asmnet_edge.FaceLandmaker  # noqa: B018


# examples


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    write_image(path, draw_face(1).picture)
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face that moves to the right."""
    return shared.moving_face(tmp_path_factory.mktemp("video") / "walk.avi", FRAMES)


def test_photo(photo: Path, tmp_path: Path) -> None:
    printed = run_python(EXAMPLES / "photo.py", photo, tmp_path / "out.png")
    assert printed.startswith("face at (")
    assert (read_image(tmp_path / "out.png") != read_image(photo)).any()


def test_video(video: Path, tmp_path: Path) -> None:
    printed = run_python(EXAMPLES / "video.py", video, tmp_path / "out.mp4", tmp_path / "faces.csv")
    assert f"{FRAMES} frames, " in printed
    assert len((tmp_path / "faces.csv").read_text().splitlines()) == FRAMES + 1
    assert (tmp_path / "out.mp4").stat().st_size


def test_camera(video: Path) -> None:
    lines = run_python(EXAMPLES / "camera.py", f"replay:{video}", "5").splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "4", "5"]
    assert {line.split()[1] for line in lines} <= {"left", "right", "ahead"}


def test_custom_detector(photo: Path) -> None:
    printed = run_python(EXAMPLES / "custom_detector.py", photo)
    assert printed.startswith("quality 0.") and "ms in the network" in printed
    assert printed.count("\n") == 69


def test_face_crops(photo: Path, tmp_path: Path) -> None:
    assert run_python(EXAMPLES / "face_crops.py", photo.parent, tmp_path) == "photo.png: 1\n"
    assert read_image(tmp_path / "photo-0.png").shape == (128, 128, 3)


def test_benchmark(tmp_path: Path) -> None:
    model = "asmnet68-128-int8.tflite"
    printed = run_python(EXAMPLES / "benchmark.py", tmp_path / "record.json", model)
    assert printed.startswith(f"{model}: ") and " ms a face (" in printed
    record = asmnet_edge.BenchmarkRecord.load(tmp_path / "record.json")
    assert [case.key for case in record.measured_cases] == [model]


def test_convert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorflow")  # in this process, which has imported it already
    program, words = EXAMPLES / "convert.py", ("asmnet68-128.keras", tmp_path, "float32")
    monkeypatch.setattr(sys, "argv", [str(program), *map(str, words)])
    runpy.run_path(str(program), run_name="__main__")
    assert "asmnet68-128-float32.tflite: " in capsys.readouterr().out.splitlines()[-1]
    assert (tmp_path / "asmnet68-128-float32.tflite.json").is_file()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_are_short_and_tested(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    assert 10 <= len(lines) <= 25
    assert f"test_{path.stem}" in globals()
