"""``asmnet-edge data``: packing, looking, drawing and checking from the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.cli.terminal import BrokenFaces
from asmnet_edge.datasets.pack_file import PackFile
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import DataError, NotAFaceError, PictureError
from asmnet_edge.io.images import write_image

Run = Callable[..., Any]


@pytest.fixture
def drawn(asmnet_edge: Run, tmp_path: Path) -> str:
    """Four drawn faces as a table."""
    words = ("--count", 4, "--size", 128, "--output", tmp_path / "drawn")
    ended = asmnet_edge("data", "synth", *words)
    assert ended.code == 0, ended.err
    return f"csv:{tmp_path / 'drawn' / 'faces.csv'}"


def break_one(drawn: str) -> Path:
    """Tear one picture and one line of the table ``drawn``; the picture."""
    table = Path(drawn.partition(":")[2])
    lines = table.read_text().splitlines()
    lines[2] += ",5"
    table.write_text("\n".join(lines))
    picture = table.with_suffix("") / "0-000002.png"
    picture.write_bytes(b"torn")
    return picture


# prepare


def test_a_pack_is_written_and_reported(asmnet_edge: Run, tmp_path: Path) -> None:
    pack = tmp_path / "faces.npz"
    words = ("--subset", "test", "--size", 64, "--quality", 80, "--margin", 1.5)
    ended = asmnet_edge("data", "prepare", "synthetic:3", "--output", pack, *words)
    assert ended.code == 0
    assert f"{pack}: 3 faces, 0.0 MiB" in ended.out
    assert "licence: Apache-2.0" in ended.err
    dataset = PackFile(pack)
    facts = dataset.facts
    assert (facts.subset, facts.rule.size, facts.rule.margin, facts.quality) == (
        "test",
        64,
        1.5,
        80,
    )
    assert [s.name for s in dataset.samples("test")] == [
        s.name for s in DrawnFaces(3).samples("test")
    ]


def test_a_pack_states_what_the_copy_lacks(asmnet_edge: Run, tmp_path: Path) -> None:
    (tmp_path / "300w" / "afw").mkdir(parents=True)
    source = DrawnFaces(1, size=64).samples("train")[0]
    write_image(tmp_path / "300w" / "afw" / "1_1.png", source.load())
    points = "\n".join(f"{x + 1} {y + 1}" for x, y in source.landmarks.points)
    (tmp_path / "300w" / "afw" / "1_1.pts").write_text(points)
    output = tmp_path / "a.npz"
    ended = asmnet_edge("data", "prepare", f"300w:{tmp_path / '300w'}", "--output", output)
    assert ended.code == 0
    assert "missing: 336 of afw" in ended.err
    assert "missing: 2,000 of helen/trainset" in ended.err
    shown = asmnet_edge("data", "stats", f"pack:{output}")
    assert "missing: 336 of afw" in shown.out


def add_300w_face(root: Path, name: str, number: int = 0) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    face = DrawnFaces(number + 1, size=96).samples("train")[number]
    write_image(path.with_suffix(".png"), face.load())
    points = "\n".join(f"{x + 1} {y + 1}" for x, y in face.landmarks.points)
    path.with_suffix(".pts").write_text(points)


def test_photos_of_a_test_subset_are_told_and_recorded(asmnet_edge: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("image_0215", "image_0216")):
        add_300w_face(tmp_path / "300w" / "lfpw/trainset", name, number)
    pack = tmp_path / "a.npz"
    ended = asmnet_edge("data", "prepare", f"300w:{tmp_path / '300w'}", "--output", pack)
    assert "1 faces" in ended.out
    assert "missing: 1 of photos that a test subset has too, left out" in ended.err
    # 300W's training part has 3,148 faces
    assert 1 + sum(lack.faces for lack in PackFile(pack).missing("train")) == 3148


def test_an_empty_folder_is_named_and_counts_as_no_face(asmnet_edge: Run, tmp_path: Path) -> None:
    add_300w_face(tmp_path / "300w", "afw/1_1")
    (tmp_path / "300w" / "lfpw" / "trainset").mkdir(parents=True)
    pack, data = tmp_path / "a.npz", f"300w:{tmp_path / '300w'}"
    ended = asmnet_edge("data", "prepare", data, "--output", pack)
    assert ended.code == 2
    assert "trainset holds no .pts file" in ended.complaint
    ended = asmnet_edge("data", "prepare", data, "--output", pack, "--broken", "skip")
    assert ended.code == 0
    assert "trainset holds no .pts file" in ended.err
    assert "broken face" not in ended.err
    assert 1 + sum(lack.faces for lack in PackFile(pack).missing("train")) == 3148


@pytest.mark.parametrize("margin", ["1.2", "0", "-2", "nan", "inf"])
def test_a_margin_below_the_crop_rule_is_refused(
    asmnet_edge: Run, tmp_path: Path, margin: str
) -> None:
    words = ("--margin", margin, "--output", tmp_path / "a.npz")
    ended = asmnet_edge("data", "prepare", "synthetic:1", *words)
    assert ended.code == 2
    assert "margin of at least 1.25" in ended.complaint
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize("verb", ["prepare", "stats"])
def test_broken_faces_are_refused_with_the_way_out(
    asmnet_edge: Run, drawn: str, tmp_path: Path, verb: str
) -> None:
    break_one(drawn)
    output = tmp_path / "out.npz"
    ended = asmnet_edge("data", verb, drawn, "--output", output)
    assert ended.code == 2
    assert "faces.csv, line 3: expected 138 fields, got 139" in ended.complaint
    assert "--broken skip" in ended.complaint
    assert not output.exists()


def test_broken_faces_are_skipped_and_named(asmnet_edge: Run, drawn: str, tmp_path: Path) -> None:
    picture = break_one(drawn)
    pack = tmp_path / "out.npz"
    ended = asmnet_edge("data", "prepare", drawn, "--output", pack, "--broken", "skip")
    assert ended.code == 0
    assert "faces.csv, line 3: expected 138 fields" in ended.err
    assert str(picture) in ended.err
    assert "2 broken faces left out" in ended.err
    assert "2 faces" in ended.out
    (missing,) = PackFile(pack).missing("train")
    assert (missing.part, missing.faces) == ("broken faces, left out", 2)


def test_a_pack_is_not_overwritten_unasked(asmnet_edge: Run, tmp_path: Path) -> None:
    pack = tmp_path / "a.npz"
    pack.write_text("the old one")
    words = ("data", "prepare", "synthetic:1", "--size", 64, "--output", pack)
    ended = asmnet_edge(*words)
    assert ended.code == 2
    assert "already there" in ended.complaint
    assert pack.read_text() == "the old one"
    assert asmnet_edge(*words, "--overwrite").code == 0
    assert len(PackFile(pack).samples("train")) == 1


@pytest.mark.parametrize("name", ["faces", "faces.zip"])
def test_a_pack_has_its_own_suffix(asmnet_edge: Run, tmp_path: Path, name: str) -> None:
    ended = asmnet_edge("data", "prepare", "synthetic:1", "--output", tmp_path / name)
    assert ended.code == 2
    assert "a pack is a .npz file" in ended.complaint


def test_a_pack_is_not_packed_again(asmnet_edge: Run, tmp_path: Path) -> None:
    words = ("data", "prepare", "--size", 64, "--output")
    assert asmnet_edge(*words, tmp_path / "a.npz", "synthetic:1").code == 0
    ended = asmnet_edge(*words, tmp_path / "b.npz", f"pack:{tmp_path / 'a.npz'}")
    assert ended.code == 2
    assert "is a pack already" in ended.complaint


def test_training_on_a_pack_of_test_faces_is_refused(asmnet_edge: Run, tmp_path: Path) -> None:
    pack = tmp_path / "test.npz"
    words = ("--subset", "test", "--size", 64, "--output", pack)
    assert asmnet_edge("data", "prepare", "synthetic:20", *words).code == 0
    ended = asmnet_edge("train", "--data", f"pack:{pack}", "--output", tmp_path / "run")
    assert ended.code == 2
    assert "holds the subset 'test' of synthetic, not 'train'" in ended.complaint
    assert not (tmp_path / "run").exists()


def test_a_damaged_pack_is_reported(asmnet_edge: Run, letter: Path) -> None:
    ended = asmnet_edge("data", "stats", f"pack:{letter}")
    assert ended.code == 2
    assert "letter.txt is not a readable pack" in ended.complaint
    assert "data prepare" in ended.complaint


# stats


def test_every_subset_has_its_table(asmnet_edge: Run) -> None:
    ended = asmnet_edge("data", "stats", "synthetic:2")
    assert ended.code == 0
    assert "synthetic train: 2 faces, 2 identities, ibug68" in ended.out
    assert "synthetic test: 2 faces, 2 identities, ibug68" in ended.out
    assert "label MAE" in ended.out  # the pose of drawn faces is exact


def test_two_data_sets_of_one_kind_are_distinguished(
    asmnet_edge: Run, drawn: str, tmp_path: Path
) -> None:
    other = tmp_path / "drawn" / "others.csv"
    other.write_bytes((tmp_path / "drawn" / "faces.csv").read_bytes())
    (tmp_path / "drawn" / "others").symlink_to(tmp_path / "drawn" / "faces")
    ended = asmnet_edge("data", "stats", drawn, f"csv:{other}")
    assert "csv:faces.csv train: 4 faces" in ended.out
    assert "csv:others.csv train: 4 faces" in ended.out


def test_figures_for_machines_are_alone_on_standard_output(asmnet_edge: Run, drawn: str) -> None:
    break_one(drawn)
    ended = asmnet_edge("data", "stats", drawn, "--broken", "skip", "--json")
    (stats,) = json.loads(ended.out)
    assert (stats["dataset"], stats["subset"], stats["faces"]) == ("csv", "train", 2)
    assert "2 broken faces left out" in ended.err


def test_pictures_are_written_where_asked(asmnet_edge: Run, drawn: str, tmp_path: Path) -> None:
    ended = asmnet_edge("data", "stats", drawn, "--output", tmp_path / "out")
    assert ended.code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["contact-sheet.png", "pose.png", "stats.json"]
    (stats,) = json.loads((tmp_path / "out" / "stats.json").read_text())
    assert stats["faces"] == 4
    again = asmnet_edge("data", "stats", drawn, "--output", tmp_path / "out")
    assert again.code == 2
    assert "already there" in again.complaint


def test_full_without_ibug_is_not_shown_again(asmnet_edge: Run, tmp_path: Path) -> None:
    for name in ("afw/1_1", "helen/testset/1_1"):
        add_300w_face(tmp_path, name)
    words = "data", "stats", f"300w:{tmp_path}"
    ended = asmnet_edge(*words)
    assert "300w common: 1 faces" in ended.out
    assert "300w full" not in ended.out
    (note,) = [line for line in ended.err.splitlines() if "not shown again" in line]
    assert note.startswith("300w full: the faces of common, not shown again; ")
    assert "missing: 135 of ibug" in note
    shown = [stats["subset"] for stats in json.loads(asmnet_edge(*words, "--json").out)]
    assert shown == ["train", "common"]
    alone = asmnet_edge(*words, "--subset", "full")
    assert "300w full: 1 faces" in alone.out


def test_figures_without_matplotlib_print_its_pip_line(
    asmnet_edge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ended = asmnet_edge("data", "stats", "synthetic:1", "--output", tmp_path / "out")
    assert ended.code == 2
    assert "pip install 'asmnet-edge[train]'" in ended.complaint
    assert not (tmp_path / "out").exists()


# synth


def test_drawn_faces_are_not_written_over_others(
    asmnet_edge: Run, drawn: str, tmp_path: Path
) -> None:
    ended = asmnet_edge("data", "synth", "--count", 1, "--output", tmp_path / "drawn")
    assert ended.code == 2
    assert "is there already" in ended.complaint
    assert len(list((tmp_path / "drawn" / "faces").iterdir())) == 4


# check


def test_a_whole_data_set_passes(asmnet_edge: Run) -> None:
    ended = asmnet_edge("data", "check", "synthetic:3")
    assert ended.code == 0
    assert "synthetic train" in ended.out


def test_findings_are_named_and_end_with_1(asmnet_edge: Run, drawn: str) -> None:
    break_one(drawn)
    ended = asmnet_edge("data", "check", drawn)
    assert ended.code == 1
    assert "2 broken" in ended.complaint
    assert "line 3" in ended.out
    ended = asmnet_edge("data", "check", drawn, "--json")
    assert ended.code == 1
    content = json.loads(ended.out)
    assert content["counts"] == {"csv train": 2}
    assert [finding["kind"] for finding in content["findings"]] == ["broken", "broken"]


def test_known_test_photos_in_train_are_a_note(asmnet_edge: Run, tmp_path: Path) -> None:
    add_300w_face(tmp_path, "lfpw/trainset/image_0215")
    add_300w_face(tmp_path, "lfpw/testset/image_0066")
    ended = asmnet_edge("data", "check", f"300w:{tmp_path}")
    assert ended.code == 0, ended.err
    assert "1 pair of a training face and a test photo known" in ended.out
    ended = asmnet_edge("data", "check", f"300w:{tmp_path}", "--json")
    assert json.loads(ended.out)["handled"] == 1


# --broken


def test_a_cure_of_its_own_is_kept() -> None:
    with pytest.raises(DataError, match="Copy it once more"):
        BrokenFaces()(PictureError("torn", "Copy it once more"))


def test_one_face_is_not_called_faces(capsys: pytest.CaptureFixture[str]) -> None:
    faces = BrokenFaces("skip")
    faces(DataError("a.pts has 3 points"))
    faces.report()
    assert capsys.readouterr().err.splitlines() == [
        "left out: a.pts has 3 points",
        "1 broken face left out",
    ]


def test_what_is_no_face_is_named_once_and_not_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    faces = BrokenFaces("skip")
    for error in (NotAFaceError("ibug is empty"), NotAFaceError("ibug is empty")):
        faces(error)
    faces.report()
    assert capsys.readouterr().err.splitlines() == ["left out: ibug is empty"]


def test_nothing_is_told_where_nothing_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    BrokenFaces("skip").report()
    assert capsys.readouterr().err == ""
