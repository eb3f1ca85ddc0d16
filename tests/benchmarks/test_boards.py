"""Boards: the page of records in the documentation."""

from pathlib import Path

import pytest
from json_rows import measured_rows

from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import RecordContent
from asmnet_edge.benchmarks.report.boards import boards_page, read_records
from asmnet_edge.errors import DataError

DOCS = Path(__file__).parents[2] / "docs"


def on(record: BenchmarkRecord, board: str, date: str) -> RecordContent:
    """``record`` without faces, as if measured on ``board`` at ``date``."""
    device = {**record.content["device"], "board": board}
    return BenchmarkRecord(
        {**record.content, "device": device, "taken": date, "portraits": []}
    ).typed


def test_records_are_sorted_by_board_and_date(record: BenchmarkRecord) -> None:
    dates = (("Raspberry Pi 5", "2026-02-01"), ("Jetson", "2026-03-01"), ("Jetson", "2026-01-01"))
    found = [(f"{number}.json", on(record, *each)) for number, each in enumerate(dates)]
    text = boards_page(found, "records")
    places = [text.index(f"(records/{number}.json)") for number in (2, 1, 0)]
    assert places == sorted(places)
    assert text.count("## Jetson") == text.count("## Raspberry Pi 5") == 1


def test_each_row_and_each_doubt_is_on_the_page(record: BenchmarkRecord) -> None:
    text = boards_page([("a.json", on(record, "Jetson", "2026-01-01"))], "records")
    for row in measured_rows(record):
        assert f"| {row['file']} | fake 1.0 | {row['threads']} |" in text
    assert "~" in next(line for line in text.splitlines() if line.startswith("| quick.tflite"))
    assert "it <rained>" in text


def test_records_with_faces_are_refused(record: BenchmarkRecord, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no benchmark record"):
        read_records(tmp_path)
    record.save(tmp_path / "a.json")
    with pytest.raises(DataError, match="a.json holds faces.*without --pictures"):
        read_records(tmp_path)


@pytest.mark.skipif(not DOCS.is_dir(), reason="outside a checkout")
def test_the_committed_page_is_that_of_the_committed_records() -> None:
    records = read_records(DOCS / "records")
    text = (DOCS / "boards.md").read_text(encoding="utf-8")
    assert text == boards_page(records, "records"), "python scripts/make_boards.py"
