"""``asmnet-edge evaluate`` as a person would."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
FILES = ["ced.png", "evaluation.json", "sensitivity.png", "worst-faces.png"]
QUICK = ("--data", "synthetic:3", "--no-sensitivity")


@pytest.fixture
def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most devices."""
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "keras" else find(name))


def test_a_float_model_is_evaluated_and_its_files_written(
    asmnet_edge: Run, float_file: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("evaluate", float_file, "--data", "synthetic:3", "--output", tmp_path)
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    for words in ("tiny.keras", "NME %", "FR@8 %", "shift x", "left eye", "true pose: exact"):
        assert words in ended.out
    assert "drawn faces: no accuracy on real ones" in ended.out
    content = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    (row,) = content["subsets"]
    assert (row["name"], row["faces"], len(row["errors"])) == ("test", 3, 3)
    assert content["sensitivity"]["faces"] == 3


def test_without_keras_the_shipped_int8_model_is_taken(
    asmnet_edge: Run, without_keras: None
) -> None:
    ended = asmnet_edge("evaluate", *QUICK, "--json")
    assert ended.code == 0, ended.err
    content = json.loads(ended.out)
    assert content["model"]["name"] == "asmnet68-int8.tflite"
    assert content["sensitivity"] is None
    assert content["subsets"][0]["nme"] < 10


def test_pictures_are_turned_if_asked_for(asmnet_edge: Run, without_keras: None) -> None:
    ended = asmnet_edge("evaluate", *QUICK, "--tilt", "--json")
    assert ended.code == 0, ended.err
    tilt = json.loads(ended.out)["tilt"]
    (row,) = tilt["subsets"]
    assert (row["faces"], len(row["nme"])) == (3, len(tilt["degrees"]))


def test_an_evaluation_is_not_replaced_unasked(
    asmnet_edge: Run, without_keras: None, tmp_path: Path
) -> None:
    (tmp_path / "ced.png").write_bytes(b"dear to someone")
    ended = asmnet_edge("evaluate", *QUICK, "--output", tmp_path)
    assert ended.code == 2
    assert "already there" in ended.complaint
    assert "--overwrite" in ended.complaint
    assert asmnet_edge("evaluate", *QUICK, "--output", tmp_path, "--overwrite").code == 0
    assert (tmp_path / "ced.png").read_bytes().startswith(b"\x89PNG")


def test_a_subset_that_is_not_there_is_named(
    asmnet_edge: Run, without_keras: None, tmp_path: Path
) -> None:
    ended = asmnet_edge("evaluate", *QUICK, "--subset", "common", "--output", tmp_path)
    assert ended.code == 2
    assert "no subset 'common'" in ended.complaint
    assert not list(tmp_path.iterdir())


def test_a_text_is_no_model(asmnet_edge: Run, letter: Path) -> None:
    ended = asmnet_edge("evaluate", letter, *QUICK)
    assert ended.code == 2
    assert "letter.txt is not an artifact that can be run" in ended.complaint


def test_a_data_set_of_another_scheme_is_refused(
    asmnet_edge: Run, without_keras: None, tmp_path: Path
) -> None:
    table = tmp_path / "faces.csv"
    names = ",".join(f"x{i},y{i}" for i in range(98))
    table.write_text(f"image,{names}\na.png,{','.join('1' for _ in range(196))}\n")
    ended = asmnet_edge("evaluate", "--data", f"csv:{table}")
    assert ended.code == 2
    assert "gives 68 points (ibug68)" in ended.complaint
    assert "annotated with 98 (wflw98)" in ended.complaint


@pytest.fixture
def two_faces(tmp_path: Path, face_file: Path) -> Path:
    """A table of a drawn face and of one whose picture is not there."""
    from asmnet_edge.rendering.drawn_face import draw_face

    points = ",".join(f"{v:.2f}" for v in draw_face(1).landmarks.points.ravel())
    header = ",".join(f"x{i},y{i}" for i in range(68))
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "face.png").write_bytes(face_file.read_bytes())
    table = tmp_path / "faces.csv"
    table.write_text(f"image,{header}\nface.png,{points}\ngone.png,{points}\n")
    return table


def test_a_broken_face_is_refused_or_left_out(
    asmnet_edge: Run, without_keras: None, two_faces: Path
) -> None:
    order = ("evaluate", "--data", f"csv:{two_faces}", "--no-sensitivity", "--json")
    ended = asmnet_edge(*order)
    assert ended.code == 2
    assert "gone.png" in ended.complaint
    assert "--broken skip" in ended.complaint
    ended = asmnet_edge(*order, "--broken", "skip")
    assert ended.code == 0, ended.err
    assert "gone.png" in ended.err
    (row,) = json.loads(ended.out)["subsets"]
    assert (row["name"], row["faces"], row["broken"]) == ("train", 1, 1)


def test_nothing_heavy_is_imported_for_an_artifact() -> None:
    code = (
        "import sys, importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n == 'keras' else find(n, *a)\n"
        "from asmnet_edge.cli.main import main\n"
        f"sys.argv = ['asmnet-edge', 'evaluate', *{QUICK!r}]\n"
        "main()\n"
        "assert not {'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_real_faces_give_the_figures_of_the_readme(
    asmnet_edge: Run, without_keras: None, real_data: Path
) -> None:
    order = ("evaluate", "--data", f"300w:{real_data / '300w'}", "--no-sensitivity", "--json")
    content = json.loads(asmnet_edge(*order).out)
    rows = {row["name"]: row for row in content["subsets"]}
    assert rows["common"]["faces"] == 554
    assert round(rows["common"]["nme"], 2) == 3.36
    assert rows["full"]["missing"] == [{"part": "ibug", "faces": 135}]
    assert "full: 554 of 689 faces, without ibug (135)" in content["notes"]


@pytest.fixture
def drawn_pack(asmnet_edge: Run, tmp_path: Path) -> Path:
    words = ("--subset", "test", "--size", 128, "--output", tmp_path / "a.npz")
    assert asmnet_edge("data", "prepare", "synthetic:2", *words).code == 0
    return tmp_path / "a.npz"


def test_a_note_on_a_pack_has_that_its_crops_were_cut_before(
    asmnet_edge: Run, without_keras: None, drawn_pack: Path
) -> None:
    ended = asmnet_edge("evaluate", "--data", f"pack:{drawn_pack}", "--json")
    assert ended.code == 0, ended.err
    content = json.loads(ended.out)
    packed = [note for note in content["notes"] if note.startswith("pack: ")]
    assert "cut from stored ones (1.8 x the box, 128 pixels, JPEG 92)" in packed[0]
    # the sensitivity scales the crop's side, 1.25 x the box, by up to 1.5
    assert packed[1] == "pack: crops reach up to 1.88 x the box; beyond 1.8 is grey"
    alone = asmnet_edge("evaluate", "--data", f"pack:{drawn_pack}", "--no-sensitivity", "--json")
    notes = json.loads(alone.out)["notes"]
    assert sum(note.startswith("pack: ") for note in notes) == 1


def test_drawn_faces_stay_drawn_in_a_pack_and_in_a_table(
    asmnet_edge: Run, without_keras: None, drawn_pack: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "drawn"
    assert asmnet_edge("data", "synth", "--count", 2, "--output", folder).code == 0
    for data in (f"pack:{drawn_pack}", f"csv:{folder / 'faces.csv'}"):
        content = json.loads(
            asmnet_edge("evaluate", "--data", data, "--no-sensitivity", "--json").out
        )
        assert content["data"]["drawn"] is True
        assert content["subsets"][0]["pose_truth"] == "exact"
