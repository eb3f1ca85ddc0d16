"""No manifest: tried in a process of its own, whose end, however it comes, is one line here."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.data.synthetic import draw_face
from asmnet_edge.errors import ModelError
from asmnet_edge.runtime import trust
from asmnet_edge.runtime.backend import open_artifact
from asmnet_edge.runtime.detect import whole_picture
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.shipped import SHIPPED_INT8, shipped


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


def test_trust_does_not_help_a_file_that_its_manifest_denies(bare: Path) -> None:
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


# in the trial's place, a program that ends in some way
ENDS = {
    "crash": ("import os; os.kill(os.getpid(), 11)", r"crashed the runtime .*SIGSEGV"),
    "abort": ("import os; os.abort()", r"SIGABRT"),
    "silence": ("pass", "ended the process"),
    "chatter": ("print('hello')", "ended the process"),
    "hang": ("import time; time.sleep(60)", "still loading after"),
    "hunger": (
        "import asmnet_edge.runtime.trial as t; t.limit(); bytearray(t.MEMORY)",
        "ended the process",
    ),
    "strange points": ('print(\'{"points": 7, "size": 224}\')', "gives 7 points"),
    "words": ('print(\'{"error": "two\\\\nlines"}\')', "^two lines"),
}


@pytest.mark.parametrize("end", ENDS)
def test_however_the_trial_ends_we_go_on(
    bare: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    program, told = ENDS[end]
    run = trust.subprocess.run
    monkeypatch.setattr(trust, "SECONDS", 2)
    monkeypatch.setattr(
        trust.subprocess,
        "run",
        lambda command, **rest: run([sys.executable, "-c", program], **rest),
    )
    with pytest.raises(ModelError, match=told) as refused:
        open_artifact(bare, trust=True)
    assert "\n" not in str(refused.value)


def test_a_file_that_changes_while_it_is_tried_is_refused(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(path: Path) -> dict[str, int]:
        path.write_bytes(b"another")
        return {"points": 68, "size": 224}

    monkeypatch.setattr(trust, "_tried", tried)
    with pytest.raises(ModelError, match="changed while it was tried"):
        open_artifact(bare, trust=True)


def test_a_huge_file_is_not_even_tried(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "LARGEST", 1000)
    with pytest.raises(ModelError, match="more than 1,000 bytes"):
        open_artifact(bare, trust=True)
