"""Checkpoints: the newest whole one counts, whatever happened to the others."""

from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.training.run_state import KEEP, State, load_state, save_state


def state(step: int) -> State:
    rng = np.random.default_rng(step)
    arrays = {
        "model": [rng.normal(size=(3, 2)).astype("f4"), np.float32(step)],
        "ema": [rng.normal(size=4) for _ in range(12)],
    }
    return State(step, {"best": 4.5, "config": {"seed": 0, "stages": [[64, 1.0]]}}, arrays)


def path(folder: Path, step: int) -> Path:
    return folder / f"checkpoint-{step:08d}.npz"


def test_a_state_comes_back_with_every_array_in_its_place(tmp_path: Path) -> None:
    save_state(tmp_path, state(7))
    loaded, damaged = load_state(tmp_path)
    assert damaged == []
    assert (loaded.step, loaded.facts) == (7, state(7).facts)
    assert list(loaded.arrays) == ["model", "ema"]
    for name, arrays in state(7).arrays.items():
        for mine, theirs in zip(loaded.arrays[name], arrays, strict=True):
            assert (mine == theirs).all()
            assert mine.dtype == theirs.dtype


def test_facts_may_be_missing_values(tmp_path: Path) -> None:
    save_state(tmp_path, State(1, {"best": None}, {"model": [np.ones(1)]}))
    assert load_state(tmp_path)[0].facts == {"best": None}


def test_the_newest_counts_by_number_not_by_name(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        save_state(tmp_path, state(step))
    assert load_state(tmp_path)[0].step == 100


def test_only_the_newest_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        save_state(tmp_path, state(step))
    assert sorted(tmp_path.iterdir()) == [path(tmp_path, 3), path(tmp_path, 4)]
    assert KEEP == 2


def test_the_same_step_is_replaced(tmp_path: Path) -> None:
    save_state(tmp_path, State(5, {}, {"model": [np.zeros(1)]}))
    save_state(tmp_path, State(5, {}, {"model": [np.ones(1)]}))
    assert load_state(tmp_path)[0].arrays["model"][0].tolist() == [1]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "best.keras").write_text("a model")
    for step in (1, 2, 3):
        save_state(tmp_path, state(step))
    assert (tmp_path / "best.keras").read_text() == "a model"


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.95, 0.999])
def test_a_newest_file_cut_off_falls_back_to_the_one_before(tmp_path: Path, keep: float) -> None:
    save_state(tmp_path, state(1))
    save_state(tmp_path, state(2))
    content = path(tmp_path, 2).read_bytes()
    path(tmp_path, 2).write_bytes(content[: int(keep * len(content))])
    loaded, damaged = load_state(tmp_path)
    assert loaded.step == 1
    assert damaged == [path(tmp_path, 2)]


def test_a_flipped_bit_anywhere_never_ends_the_program_and_never_changes_a_number(
    tmp_path: Path,
) -> None:
    save_state(tmp_path, state(1))
    save_state(tmp_path, state(2))
    whole = path(tmp_path, 2).read_bytes()
    fallen_back = 0
    for place in range(0, len(whole), 7):
        content = bytearray(whole)
        content[place] ^= 0x10
        path(tmp_path, 2).write_bytes(content)
        loaded, _ = load_state(tmp_path)
        fallen_back += loaded.step == 1
        expected = state(loaded.step).arrays
        got = [array for name in expected for array in loaded.arrays.get(name, [])]
        wanted = [array for arrays in expected.values() for array in arrays]
        assert len(got) == len(wanted), place
        assert all((g == w).all() for g, w in zip(got, wanted, strict=True)), place
    assert fallen_back > 0.5 * len(whole) / 7


def test_a_file_with_executable_content_is_skipped(tmp_path: Path) -> None:
    save_state(tmp_path, state(1))
    np.savez(path(tmp_path, 2), facts=np.array('{"step": 2}'), model=np.array([{}], object))
    loaded, damaged = load_state(tmp_path)
    assert (loaded.step, damaged) == (1, [path(tmp_path, 2)])


def test_a_single_array_by_that_name_is_skipped(tmp_path: Path) -> None:
    save_state(tmp_path, state(1))
    with path(tmp_path, 2).open("wb") as file:
        np.save(file, np.zeros(3))
    loaded, damaged = load_state(tmp_path)
    assert (loaded.step, damaged) == (1, [path(tmp_path, 2)])


def test_nothing_readable_is_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path) == (None, [])
    path(tmp_path, 3).write_bytes(b"no archive")
    assert load_state(tmp_path) == (None, [path(tmp_path, 3)])
