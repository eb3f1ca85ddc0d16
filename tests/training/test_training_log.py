"""The log of a training run: CSV, previews, TensorBoard events."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asmnet_edge.io.images import read_image
from asmnet_edge.training.training_log import COLUMNS, LogEntry, TrainingLog


def write(folder: Path, steps: range, after: int = 0, tensorboard: bool = False) -> TrainingLog:
    log = TrainingLog(folder, after, tensorboard)
    for step in steps:
        log.write(LogEntry(step, 32, 1e-3 / step, 1 / step, 5.0 if step % 2 == 0 else None))
    log.close()
    return log


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_log_holds_every_step(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    assert list(rows(tmp_path)[0]) == list(COLUMNS)
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2", "3"]
    assert [row["validation_nme"] for row in rows(tmp_path)] == ["", "5.0000", ""]
    assert float(rows(tmp_path)[1]["learning_rate"]) == pytest.approx(5e-4)


def test_steps_that_are_taken_again_are_logged_once(tmp_path: Path) -> None:
    write(tmp_path, range(1, 6))
    write(tmp_path, range(4, 7), after=3)
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2", "3", "4", "5", "6"]


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    log = tmp_path / "log.csv"
    log.write_text(log.read_text()[:-9])
    write(tmp_path, range(3, 5), after=2)
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2", "3", "4"]


def test_a_log_without_a_header_gets_one(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("")
    write(tmp_path, range(1, 3))
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2"]


def test_lines_that_are_no_steps_are_dropped(tmp_path: Path) -> None:
    write(tmp_path, range(1, 3))
    with (tmp_path / "log.csv").open("ab") as log:
        log.write(b"\0\0\0\n\xff\n")
    write(tmp_path, range(3, 4), after=2)
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2", "3"]


def test_looks_are_pictures(tmp_path: Path) -> None:
    TrainingLog(tmp_path, 0).save_preview(7, "validation", np.full((20, 30, 3), 99, np.uint8))
    assert read_image(tmp_path / "looks" / "validation-000007.jpg").shape == (20, 30, 3)


def events(folder: Path) -> list[Any]:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    (path,) = (folder / "tensorboard").iterdir()
    return list(loader.LegacyEventFileLoader(str(path)).Load())


def test_tensorboard_shows_figures_and_pictures(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, 0, tensorboard=True)
    log.write(LogEntry(1, 32, 1e-3, 0.5, 6.25))
    log.save_preview(1, "validation", np.zeros((20, 30, 3), np.uint8))
    log.close()
    values = {v.tag: v for event in events(tmp_path) for v in event.summary.value}
    figures = {tag: value.simple_value for tag, value in values.items() if tag != "validation"}
    expected = {"loss": 0.5, "learning rate": 1e-3, "validation NME %": 6.25}
    assert figures == pytest.approx(expected, rel=1e-6)
    assert (values["validation"].image.height, values["validation"].image.width) == (20, 30)


def test_a_resumed_run_marks_its_start_for_tensorboard(tmp_path: Path) -> None:
    write(tmp_path, range(4, 6), after=3, tensorboard=True)
    (start,) = (e for e in events(tmp_path) if e.HasField("session_log"))
    assert start.step == 4
