"""Files are written completely or not at all."""

import hashlib
import json
from pathlib import Path

import pytest

from asmnet_edge.errors import OutputExistsError, UsageError
from asmnet_edge.io.files import (
    make_folder,
    refuse_existing,
    sha256,
    staged,
    sweep,
    write_atomically,
    write_json,
)


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(bytes(3_000_000))
    assert sha256(path) == hashlib.sha256(bytes(3_000_000)).hexdigest()


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "file.bin", b"content")
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["file.bin"]
    assert (tmp_path / "a" / "b" / "file.bin").read_bytes() == b"content"


def test_the_temporary_file_has_the_suffix_and_another_place(tmp_path: Path) -> None:
    with staged(tmp_path / "model.keras") as temporary:
        temporary.write_text("half")
        assert temporary.suffix == ".keras"
        assert temporary != tmp_path / "model.keras"
        assert not (tmp_path / "model.keras").exists()
    assert (tmp_path / "model.keras").read_text() == "half"


def test_a_failure_leaves_the_old_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with staged(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_writes_nothing_leaves_the_old_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UsageError, match="cannot write"), staged(path):
        pass
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_of_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*out"):
        write_atomically(tmp_path / "out", b"content")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_a_file_in_the_way_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="cannot create the folder"):
        make_folder(tmp_path / "out")
    with pytest.raises(UsageError, match="cannot create the folder"):
        write_atomically(tmp_path / "out" / "file", b"content")


def test_json_can_be_read_by_machines_and_people(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_json(path, {"angle": "15\N{DEGREE SIGN}", "list": [1, 2.5, None]})
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {"angle": "15\N{DEGREE SIGN}", "list": [1, 2.5, None]}
    assert "15\N{DEGREE SIGN}" in text
    assert text.endswith("}\n")
    assert text.count("\n") > 3


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "facts.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_existing_output_is_refused_by_name(tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.write_text("")
    with pytest.raises(OutputExistsError, match=r"already there: .*there.*--overwrite") as caught:
        refuse_existing([absent, there], overwrite=False)
    assert "absent" not in str(caught.value)


def test_nothing_is_refused_when_it_is_absent_or_may_be_overwritten(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("")
    refuse_existing([tmp_path / "absent"], overwrite=False)
    refuse_existing([there], overwrite=True)
    assert there.exists()


def test_temporary_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".model.keras.abcd1234").mkdir()
    (tmp_path / ".model.keras.abcd1234" / "model.keras").write_text("half")
    (tmp_path / ".notes.txt.abcd1234").mkdir()
    (tmp_path / ".notes.txt.abcd1234" / "mine.txt").write_text("not ours")
    (tmp_path / "model.keras").write_text("whole")
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".notes.txt.abcd1234", "model.keras"]


def test_temporary_names_are_recognised_for_removal(tmp_path: Path) -> None:
    with staged(tmp_path / "checkpoint-00000005.npz") as temporary:
        temporary.write_text("half")
        sweep(tmp_path)
        assert not temporary.exists()
        temporary.parent.mkdir()
        temporary.write_text("whole")
