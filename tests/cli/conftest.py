"""The command line as a function, and something to give it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import shared

from asmnet_edge.cli.main import main
from asmnet_edge.io.images import write_image
from asmnet_edge.rendering.drawn_face import draw_face


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of error; whatever else is on standard error is no traceback."""
        assert "Traceback" not in self.err
        (line,) = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        return line


@pytest.fixture
def asmnet_edge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Runs the command with these words; an error that is not turned into a line comes through."""

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["asmnet-edge", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def face_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face as PNG, 256 x 256."""
    path = tmp_path_factory.mktemp("pictures") / "face.png"
    write_image(path, draw_face(1).picture)
    return path


@pytest.fixture(scope="session")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text where something else is expected."""
    path = tmp_path_factory.mktemp("letters") / "letter.txt"
    path.write_text("Dear Sir or Madam")
    return path


@pytest.fixture(scope="session")
def float_file() -> Path:
    """A small float model."""
    return shared.float_file()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all formats of the small model in float32, and TFLite in int8."""
    folder = tmp_path_factory.mktemp("made")
    floats = [(format, "float32") for format in ("tflite", "onnx", "openvino")]
    shared.artifacts_into(folder, *floats, ("tflite", "int8"))
    return folder
