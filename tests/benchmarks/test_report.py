"""Reports: a page that needs nothing else, Markdown, CSV."""

import csv
import io
import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from json_rows import measured_rows

from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.report import cells
from asmnet_edge.benchmarks.report import page as page_module
from asmnet_edge.benchmarks.report.charts import (
    accuracy_limits,
    distributions,
    endurance,
    spread,
    trade_off,
    trade_off_alone,
)
from asmnet_edge.benchmarks.report.face_charts import shade
from asmnet_edge.benchmarks.report.page import comma_separated, hint, markdown, page
from asmnet_edge.benchmarks.report.summary import GLOSSARY, command, conclusion
from asmnet_edge.errors import MissingExtraError, UsageError

VOID = {"meta", "link"}


class Checked(HTMLParser):
    """Fails on tags that are not closed; gathers what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [v or "" for name, v in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop() == tag


# page


def test_the_page_is_whole_and_fetches_nothing(record: BenchmarkRecord) -> None:
    checked = Checked()
    checked.feed(page(record.typed))
    assert checked.stack == []
    assert checked.links
    assert all(link.startswith(("data:", "#")) for link in checked.links)
    assert "script" not in checked.tags
    assert not re.search(r"url\((?!#)|@import|https?://", page(record.typed))


def test_the_same_record_gives_the_same_bytes(record: BenchmarkRecord) -> None:
    assert page(record.typed) == page(record.typed)
    assert trade_off_alone(record.typed) == trade_off_alone(record.typed)


def test_the_page_has_all_that_was_measured(record: BenchmarkRecord) -> None:
    text = page(record.typed)
    for heading in ("Speed (ms) and size", "Accuracy", "End to end and start (ms)", "Latency",
                    "Sustained", "Deviation by region", "Faces that moved most",
                    "What has to be installed", "Device", "How it was measured",
                    "Glossary"):  # fmt: skip
        assert f"<h2>{heading}</h2>" in text
    for words in ("+20.0 %", "tflite int8 2t", "temperature, °C", "data:image/jpeg;base64,AAAA"):
        assert words in text


def test_text_of_records_is_never_markup(record: BenchmarkRecord) -> None:
    text = page(record.typed)
    for words in ("rained", "fell", "faces"):
        assert f"<{words}>" not in text
        assert f"&lt;{words}&gt;" in text


def test_both_themes_and_phones_are_thought_of(record: BenchmarkRecord) -> None:
    text = page(record.typed)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "max-width: 720px" in text


def test_a_record_of_failures_is_a_page_too(record: BenchmarkRecord) -> None:
    failed = {"name": "bad.onnx", "key": "bad.onnx", "error": "it fell over"}
    text = page(BenchmarkRecord.begin(record.content["settings"]).with_results([failed]).typed)
    assert "it fell over" in text
    assert "<svg" not in text


# plain


def test_tables_with_room_have_the_area_under_the_curve_and_every_interval(
    record: BenchmarkRecord,
) -> None:
    for row in measured_rows(record):
        row["accuracy"]["auc"] = 0.407
    low, high = record.content["results"][1]["latency_ms"]["intervals"]["p99"]
    for text in (page(record.typed), markdown(record.typed)):
        assert "AUC@" in text
        assert "0.407" in text
        assert (
            f"{record.content['results'][1]['latency_ms']['p99']:.2f} ±{(high - low) / 2:.2f}"
            in text
        )


def test_markdown_has_the_tables(record: BenchmarkRecord) -> None:
    lines = markdown(record.typed).splitlines()
    tables = [line for line in lines if line.startswith("| model")]
    assert len(tables) == 3
    widths = {line.count("|") for line in lines if line.startswith("| tflite int8 |")}
    assert widths <= {line.count("|") for line in tables}


def test_the_drawing_alone_is_a_file_with_its_legend(record: BenchmarkRecord) -> None:
    text = trade_off_alone(record.typed)
    drawing = ElementTree.fromstring(text)
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    lines = texts(text)
    for number, row in enumerate(measured_rows(record), start=1):
        p50 = f"{row['latency_ms']['p50']:.2f} ms"
        assert any(line.startswith(f"{number} ") and p50 in line for line in lines)


def test_nothing_is_drawn_of_one_row(record: BenchmarkRecord) -> None:
    alone = BenchmarkRecord({**record.content, "results": record.content["results"][:1]})
    with pytest.raises(UsageError, match="two rows or more"):
        trade_off_alone(alone.typed)


def test_csv_has_a_line_for_each_row_and_figures_in_full(record: BenchmarkRecord) -> None:
    record.content["results"][1]["cpus"] = [0, 1]
    rows = list(csv.DictReader(io.StringIO(comma_separated(record.typed))))
    assert [row["key"] for row in rows] == [row["key"] for row in record.content["results"]]
    measured = record.content["results"][1]["latency_ms"]
    assert float(rows[1]["latency_ms.p50"]) == measured["p50"]
    assert float(rows[1]["latency_ms.intervals.p50.low"]) == measured["intervals"]["p50"][0]
    assert float(rows[1]["accuracy.nme_drop_interval.high"]) == pytest.approx(0.03)
    assert (rows[1]["unsteady"], rows[1]["cpus"]) == ("it <rained>", "0 1")
    assert rows[4]["error"] == "it <fell> over"


# conclusion


def test_the_conclusion_names_the_fastest_that_loses_next_to_nothing(
    record: BenchmarkRecord,
) -> None:
    found = conclusion(record.typed)  # onnx is faster and loses 0.4 points
    assert found.best is not None
    assert found.best.case.name == "threads.tflite, 2 threads"
    assert "as fast as float.keras" in found.sentence
    assert "at a loss of accuracy (NME +0.020 points)" in found.sentence
    assert found.sentence in markdown(record.typed)


def test_a_loss_that_may_be_chance_is_called_none(record: BenchmarkRecord) -> None:
    for row in measured_rows(record):
        row["accuracy"]["nme_drop_interval"] = [-0.01, 0.03]
    assert "at no measurable loss of accuracy" in conclusion(record.typed).sentence


def test_no_file_is_named_where_all_lose_much(record: BenchmarkRecord) -> None:
    for row in measured_rows(record):
        row["accuracy"]["nme_drop"] = 0.5
    found = conclusion(record.typed)
    assert found.best is None
    assert "more than 0.1 points of NME" in found.sentence


def test_without_a_float_row_the_conclusion_compares_with_nothing(record: BenchmarkRecord) -> None:
    found = conclusion(record.with_results(record.content["results"][1:]).typed)
    assert " times as " not in found.sentence
    assert "ms a face" in found.sentence


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [(1, "No int8 or float16 artifact was measured."), (0, "No artifact was measured.")],
)
def test_without_an_artifact_nothing_is_named(
    record: BenchmarkRecord, rows: int, sentence: str
) -> None:
    few = record.with_results(record.content["results"][:rows])  # the first is the float model
    assert conclusion(few.typed).sentence == sentence


def test_colours_alarm_only_with_reason(record: BenchmarkRecord) -> None:
    assert 'class="doubts"' in page(record.typed)  # the unsteady row is not the one that is named
    record.content["warnings"].append("the battery is low")
    assert 'class="doubts alarming"' in page(record.typed)
    assert (shade(0.1), shade(0.3), shade(2.5)) == (0, 1, 4)


def test_the_command_repeats_the_run(record: BenchmarkRecord) -> None:
    record.content["settings"] |= {"sustain_seconds": 90.0, "threads": [1, 2]}
    record.content["settings"]["faces"]["on"] = "300w common"
    record.content["results"][3]["compared"] = False
    words = command(record.typed)
    assert words.startswith("asmnet-edge benchmark run quick.tflite")
    for option in ("--float-model float.keras", "--beside lossy.onnx", "--threads 1,2",
                   "--data 300w:DIR --subset common", "--queries 8", "--sustain 90s"):  # fmt: skip
        assert option in words
    assert words in unescape(page(record.typed))


def test_columns_are_explained(record: BenchmarkRecord) -> None:
    assert hint("NME %") == GLOSSARY["NME"]
    assert hint("FR@10 %") == GLOSSARY["FR@8"]
    assert hint("p99") == GLOSSARY["p50, p90, p99"]
    assert hint("decode").startswith("Milliseconds of the stages")
    assert hint("MB") == ""
    for term in ("NME", "drop", "deviation", "artifact", "contract"):
        assert f"<dt>{term}</dt>" in page(record.typed)


def test_without_jinja_the_error_names_what_to_install(
    record: BenchmarkRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(module: str, extra: str) -> Any:
        raise MissingExtraError(f"this needs {module}", f"pip install 'asmnet-edge[{extra}]'")

    monkeypatch.setattr(page_module, "require", lacking)
    with pytest.raises(MissingExtraError, match=r"asmnet-edge\[report\]"):
        page(record.typed)
    assert comma_separated(record.typed)


# drawings


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_each_strip_has_its_name_and_p50(record: BenchmarkRecord) -> None:
    words = texts(distributions(cells.measured_rows(record.typed)))
    for row, name in zip(measured_rows(record), ("keras float32", "tflite int8"), strict=False):
        place = words.index(name)
        assert words[place + 1] == f"{row['latency_ms']['p50']:.2f} ms"


def test_drawings_take_their_colours_from_the_page(record: BenchmarkRecord) -> None:
    drawing = distributions(cells.measured_rows(record.typed))
    assert "var(--accent)" in drawing
    assert "#1f6f8b" not in drawing
    assert "#1f6f8b" in trade_off_alone(record.typed)  # a file of its own has no page


@pytest.mark.parametrize("wanted", [[0.5, 0.5, 0.5], [0.98, 0.99, 1.0], [0.0, 0.0, 0.9], [0.4]])
def test_numbers_of_dots_in_one_place_stand_apart(wanted: list[float]) -> None:
    found = spread(wanted, 0.05)
    assert all(b - a >= 0.05 - 1e-9 for a, b in pairwise(found))
    assert min(found) >= 0
    assert max(found) <= 1
    assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= 0.1 + 1e-9


def test_a_legend_explains_the_numbers(record: BenchmarkRecord) -> None:
    text = page(record.typed)
    p50 = record.content["results"][3]["latency_ms"]["p50"]
    assert f"<li>onnx int8: {p50:.2f} ms, NME 5.20 %</li>" in text


def test_an_axis_that_does_not_begin_at_0_is_marked(record: BenchmarkRecord) -> None:
    assert accuracy_limits([4.80, 4.82])[0] == pytest.approx(4.559)
    assert accuracy_limits([0.2, 4.82])[0] == 0
    found = trade_off(cells.measured_rows(record.typed))
    assert found is not None
    assert "NME, % (axis begins at 4.54, not at 0)" in texts(found.svg)
    assert "The vertical axis shows 4.54 to 5.46 only." in found.reading
    assert "p50, ms (logarithmic)" in texts(found.svg)


def test_seconds_are_not_drawn_as_parts_of_a_minute(record: BenchmarkRecord) -> None:
    row = record.content["results"][1]
    assert "seconds" in texts(endurance("a", record.cases[1].sustained))
    for point in row["sustained"]["points"]:
        point["at"] *= 60
    assert "minutes" in texts(endurance("a", record.cases[1].sustained))
