"""The sandbox for models without a manifest: each way its process ends is a one-line error."""

import hashlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.errors import ModelError
from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime import artifact, sandbox
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.detector import whole_picture
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.runtime.probe import MEMORY, available


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The shipped model without its manifest."""
    return Path(shutil.copy(shipped(SHIPPED_INT8), tmp_path / "bare.tflite"))


def test_without_trust_it_is_refused(bare: Path) -> None:
    with pytest.raises(ModelError, match="has no manifest"):
        open_artifact(bare)


def test_with_trust_it_finds_the_same(bare: Path) -> None:
    picture = draw_face(3).picture
    (one,) = FaceLandmarker.open(bare, whole_picture, trust=True).detect(picture)
    (other,) = FaceLandmarker.open(detector=whole_picture).detect(picture)
    np.testing.assert_array_equal(one.landmarks.points, other.landmarks.points)


def test_trust_does_not_accept_a_file_that_contradicts_its_manifest(bare: Path) -> None:
    manifest = shipped(SHIPPED_INT8 + ".json").read_text()
    bare.with_name("bare.tflite.json").write_text(manifest.replace(SHIPPED_INT8, "bare.tflite"))
    assert open_artifact(bare, trust=True)
    bare.write_bytes(bare.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match="not the file that its manifest was written for"):
        open_artifact(bare, trust=True)


def test_a_text_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "letter.tflite"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(ModelError, match=r"^[^\n]*letter.tflite cannot be loaded[^\n]*$"):
        open_artifact(path, trust=True)


# in the probe's place, a program that ends in some way
ENDS = {
    "crash": ("import os; os.kill(os.getpid(), 11)", r"crashed the runtime .*SIGSEGV"),
    "abort": ("import os; os.abort()", r"SIGABRT"),
    "silence": ("pass", "ended the process"),
    "chatter": ("print('hello')", "ended the process"),
    "hang": ("import time; time.sleep(60)", "still loading after"),
    "hunger": (
        "import asmnet_edge.runtime.probe as t; t.limit(); bytearray(t.MEMORY)",
        "ended the process",
    ),
    "strange points": ('print(\'{"points": 7, "size": 224}\')', "gives 7 points"),
    "words": ('print(\'{"error": "two\\\\nlines"}\')', "^two lines"),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_end_of_the_probe_is_one_error(
    bare: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    program, expected = ENDS[end]
    run = sandbox.subprocess.run
    monkeypatch.setattr(sandbox, "SECONDS", 2)
    monkeypatch.setattr(
        sandbox.subprocess,
        "run",
        lambda command, **rest: run([sys.executable, "-c", program], **rest),
    )
    with pytest.raises(ModelError, match=expected) as refused:
        open_artifact(bare, trust=True)
    assert "\n" not in str(refused.value)


def test_what_was_probed_is_what_is_loaded(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, run_probe = bare.read_bytes(), sandbox.run_probe

    def swapped(module: str, path: Path, files: dict[str, bytes]) -> dict[str, int]:
        path.write_bytes(b"another")
        return run_probe(module, path, files)

    monkeypatch.setattr(sandbox, "run_probe", swapped)
    opened = open_artifact(bare, trust=True)
    assert opened.backend.run(np.zeros((1, 224, 224, 3), np.uint8))[0].shape == (68, 2)
    assert opened.manifest.files[0]["sha256"] == hashlib.sha256(content).hexdigest()


def test_no_code_is_taken_from_the_folder_it_is_called_in(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what the child imports before it sets any limit
    (tmp_path / "resource.py").write_text("open('ran', 'w').close()")
    monkeypatch.chdir(tmp_path)
    assert open_artifact(bare, trust=True)
    assert not Path("ran").exists()


def test_a_very_long_answer_is_cut_off(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import os, asmnet_edge.runtime.probe as t; t.limit()\n"
        "while True: os.write(1, bytes(2**16))"
    )
    run = sandbox.subprocess.run
    monkeypatch.setattr(
        sandbox.subprocess, "run", lambda _, **rest: run([sys.executable, "-c", program], **rest)
    )
    with pytest.raises(ModelError, match="ended the process"):
        open_artifact(bare, trust=True)


def test_a_probe_takes_no_more_than_its_share_of_what_is_free(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal: 900 kB\nMemAvailable:    400 kB\nHugepages: 0\n")
    assert available(table) == 400 * 1024
    assert available(tmp_path / "none") > MEMORY


def test_a_huge_file_is_not_probed(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "LARGEST", 1000)
    with pytest.raises(ModelError, match="more than 1,000 bytes"):
        open_artifact(bare, trust=True)
