"""Reports: a page that needs nothing else, Markdown, CSV."""

import csv
import io
import re
from html.parser import HTMLParser
from itertools import combinations
from math import dist
from xml.etree import ElementTree

import pytest

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.charts import HUMP, distributions, endurance
from asmnet_edge.benchmarks.report.page import page
from asmnet_edge.benchmarks.report.plain import comma_separated, markdown
from asmnet_edge.benchmarks.report.svg import Axis
from asmnet_edge.benchmarks.report.tradeoff import axes, places, trade_off_alone
from asmnet_edge.errors import UsageError

VOID = {"meta", "link", "image", "line", "circle", "polygon", "polyline"}


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

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop() == tag


# page


def test_the_page_is_whole_and_fetches_nothing(record: BenchmarkRecord) -> None:
    checked = Checked()
    checked.feed(page(record))
    assert checked.stack == []
    assert checked.links
    assert all(link.startswith("data:") for link in checked.links)
    assert "script" not in checked.tags
    assert not re.search(r"url\(|@import|https?://", page(record))


def test_the_page_has_all_that_was_measured(record: BenchmarkRecord) -> None:
    text = page(record)
    for heading in ("Speed and size", "Accuracy", "As a user feels it", "Latency", "Sustained",
                    "Deviation by region", "Worst faces", "What has to be installed", "Device",
                    "How it was measured"):  # fmt: skip
        assert f"<h2>{heading}</h2>" in text
    for words in ("+20.0 %", "tflite int8 2t", "temperature, °C", "data:image/jpeg;base64,AAAA"):
        assert words in text


def test_what_records_say_is_never_markup(record: BenchmarkRecord) -> None:
    text = page(record)
    for words in ("rained", "fell", "faces"):
        assert f"<{words}>" not in text
        assert f"&lt;{words}&gt;" in text


def test_both_themes_and_phones_are_thought_of(record: BenchmarkRecord) -> None:
    text = page(record)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "max-width: 720px" in text


def test_a_record_of_failures_is_a_page_too(record: BenchmarkRecord) -> None:
    failed = {"name": "bad.onnx", "key": "bad.onnx", "error": "it fell over"}
    text = page(BenchmarkRecord.begin(record.content["settings"]).with_results([failed]))
    assert "it fell over" in text
    assert "<svg" not in text


# plain


def test_tables_with_room_have_the_area_under_the_curve_and_every_interval(
    record: BenchmarkRecord,
) -> None:
    for row in record.measured:
        row["accuracy"]["auc"] = 0.407
    low, high = record.results[1]["latency_ms"]["intervals"]["p99"]
    for text in (page(record), markdown(record)):
        assert "AUC@" in text
        assert "0.407" in text
        assert f"{record.results[1]['latency_ms']['p99']:.2f} ±{(high - low) / 2:.2f}" in text


def test_markdown_has_the_tables(record: BenchmarkRecord) -> None:
    lines = markdown(record).splitlines()
    tables = [line for line in lines if line.startswith("| model")]
    assert len(tables) == 3
    widths = {line.count("|") for line in lines if line.startswith("| tflite int8 |")}
    assert widths <= {line.count("|") for line in tables}


def test_the_drawing_alone_is_a_file_with_its_legend(record: BenchmarkRecord) -> None:
    drawing = ElementTree.fromstring(trade_off_alone(record))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    height = float(drawing.attrib["viewBox"].split()[3])
    lines = drawing.findall("{*}text")
    assert max(float(line.attrib["y"]) for line in lines) < height
    told = [line.text or "" for line in lines]
    for number, row in enumerate(record.measured, start=1):
        p50 = f"{row['latency_ms']['p50']:.2f} ms"
        assert any(line.startswith(f"{number}  ") and p50 in line for line in told)


def test_nothing_is_drawn_of_one_row(record: BenchmarkRecord) -> None:
    alone = BenchmarkRecord({**record.content, "results": record.content["results"][:1]})
    with pytest.raises(UsageError, match="two rows or more"):
        trade_off_alone(alone)


def test_csv_has_a_line_for_each_row_and_figures_in_full(record: BenchmarkRecord) -> None:
    record.results[1]["cpus"] = [0, 1]
    rows = list(csv.DictReader(io.StringIO(comma_separated(record))))
    assert [row["key"] for row in rows] == [row["key"] for row in record.results]
    measured = record.results[1]["latency_ms"]
    assert float(rows[1]["latency_ms.p50"]) == measured["p50"]
    assert float(rows[1]["latency_ms.intervals.p50.low"]) == measured["intervals"]["p50"][0]
    assert float(rows[1]["accuracy.nme_drop_interval.high"]) == pytest.approx(0.03)
    assert (rows[1]["unsteady"], rows[1]["cpus"]) == ("it <rained>", "0 1")
    assert rows[4]["error"] == "it <fell> over"


# drawings


def test_each_name_stands_by_its_own_hump(record: BenchmarkRecord) -> None:
    drawn = distributions(record.measured)
    names = [float(y) for y in re.findall(r'y="([\d.]+)" class="name"', drawn)]
    bases = [float(y) for y in re.findall(r'y1="([\d.]+)" [^>]*class="base"', drawn)]
    assert len(names) == len(bases) == len(record.measured)
    for name, base, above in zip(names, bases, [0.0, *bases], strict=False):
        top = base - HUMP
        assert above < name < top
        assert top - name < name - above


def test_numbers_of_dots_in_one_place_stand_apart() -> None:
    dots = [(200.0, 120.0, 11.0), (204.0, 120.0, 11.0), (200.0, 122.0, 6.0), (60.0, 32.0, 8.0)]
    found = places(dots)
    for place, other in combinations(found, 2):
        assert dist(place, other) >= 13
    for place in found:
        assert all(dist(place, dot[:2]) >= dot[2] + 6 for dot in dots)
    assert all(dist(place, dot[:2]) < dot[2] + 40 for place, dot in zip(found, dots, strict=True))


def test_a_legend_tells_the_numbers(record: BenchmarkRecord) -> None:
    text = page(record)
    p50 = record.results[3]["latency_ms"]["p50"]
    assert f"<li>onnx int8: {p50:.2f} ms, 5.20 %</li>" in text


def test_an_axis_that_does_not_begin_at_0_says_so() -> None:
    _, crowded = axes([2.0, 3.0], [4.80, 4.82])
    assert crowded.remark == " (begins at 4.559, not at 0)"
    _, spread = axes([2.0, 3.0], [0.2, 4.82])
    assert (spread.values[0], spread.remark) == (0, "")
    speed, _ = axes([2.0, 20.0], [1.0, 2.0])
    assert speed.remark == " (log)"


def test_seconds_are_not_drawn_as_parts_of_a_minute(record: BenchmarkRecord) -> None:
    row = record.results[1]
    assert ">seconds</text>" in endurance(row)
    for point in row["sustained"]["points"]:
        point["at"] *= 60
    assert ">minutes</text>" in endurance(row)


# axes


def test_ticks_are_round_and_within() -> None:
    assert Axis((0, 9.3), (0, 100)).ticks() == [0, 2, 4, 6, 8]
    assert Axis((0.9, 30), (0, 100), log=True).ticks() == [1, 2, 5, 10, 20]


def test_an_axis_maps_its_ends() -> None:
    axis = Axis((1, 100), (10, 30), log=True)
    assert (axis(1), axis(10), axis(100)) == (10, 20, 30)
