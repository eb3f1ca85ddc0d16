"""Reports: a page that needs nothing else, Markdown, CSV; and the choice of what to ship."""

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from asmnet_edge.benchmarks.compare.recommend import Needs, best, frame_ms, judge, why, why_not
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.page import page
from asmnet_edge.benchmarks.report.plain import comma_separated, markdown
from asmnet_edge.benchmarks.report.svg import Axis
from asmnet_edge.errors import UsageError
from asmnet_edge.schemes import IBUG68

SETTINGS = {
    "kind": "quick",
    "threads": [1],
    "latency": {"queries": 8, "seconds": 1.0, "rounds": 4, "stage_calls": 3, "cold_starts": 1},
    "sustain_seconds": 0,
    "faces": {"count": 3, "on": "three <faces>", "missing": [], "scheme": "ibug68"},
    "reference": "float.keras",
}
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


def accuracy(drop: float, width: float = 0.01) -> dict[str, Any]:
    region = {name: {"iod_percent": 0.1 * n, "pixels": n} for n, name in enumerate(IBUG68.groups)}
    return {"nme": 4.8 + drop, "nme_drop": drop, "failure_rate": 0.04,
            "nme_drop_interval": [drop - width, drop + width], "deviation_by_region": region,
            "deviation_iod_percent": 0.3, "pose_mae": {"yaw": 1.0, "pitch": 1.0, "roll": 1.0},
            "jitter": {"still_iod_percent": 0.2, "moving_iod_percent": 0.6}}  # fmt: skip


@pytest.fixture
def record(row: Callable[..., dict[str, Any]]) -> BenchmarkRecord:
    """A float row, a quick row, one with two threads, a lossy and a failed one, and a portrait."""
    rng = np.random.default_rng(0)

    def calls(level: float) -> list[list[float]]:
        return (level * (1 + rng.gamma(1, 0.05, (4, 30)))).tolist()

    points = [{"at": n, "seconds": 1.0, "p50": 2 + n / 10, "mhz": 1500.0, "celsius": 60.0 + n,
               "throttled": 4 * (n > 2)} for n in range(5)]  # fmt: skip
    sustained = {"points": points, "seconds": 5.0, "first_p50": 2.0, "last_p50": 2.4,
                 "change_percent": 20.0}  # fmt: skip
    stages = {n: {"p50": 1.0, "p90": 2.0} for n in ("decode", "detect", "crop", "infer",
                                                    "restore", "total")}  # fmt: skip
    cold = {"total_ms": 210.0, "peak_rss_mib": 70.0, "installed_bytes": 300_000_000,
            "packages": {"numpy": 70_000_000}}  # fmt: skip
    rows = [
        row(calls(9), "float.keras", format="keras", precision="float32", accuracy=accuracy(0)),
        row(calls(3), "quick.tflite", accuracy=accuracy(0.02), stages_ms=stages, cold_start=cold,
            sustained=sustained, unsteady=["it <rained>"]),
        row(calls(2.9), "threads.tflite, 2 threads", threads=2, accuracy=accuracy(0.02),
            stages_ms=stages),
        row(calls(1), "lossy.onnx", format="onnx", accuracy=accuracy(0.4)),
        {"name": "bad.onnx", "key": "bad.onnx", "error": "it <fell> over"},
    ]  # fmt: skip
    landmarks = rng.random((68, 2)).tolist()
    portrait = {"row": "quick.tflite", "face": 2, "deviation_iod_percent": 1.5,
                "jpeg": "AAAA", "landmarks": landmarks, "reference": landmarks}  # fmt: skip
    return BenchmarkRecord.begin(SETTINGS).with_results(rows, portraits=[portrait])


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


def test_a_record_of_failures_is_a_page_too() -> None:
    failed = {"name": "bad.onnx", "key": "bad.onnx", "error": "it fell over"}
    text = page(BenchmarkRecord.begin(SETTINGS).with_results([failed]))
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


# axes


def test_ticks_are_round_and_within() -> None:
    assert Axis((0, 9.3), (0, 100)).ticks() == [0, 2, 4, 6, 8]
    assert Axis((0.9, 30), (0, 100), log=True).ticks() == [1, 2, 5, 10, 20]


def test_an_axis_maps_its_ends() -> None:
    axis = Axis((1, 100), (10, 30), log=True)
    assert (axis(1), axis(10), axis(100)) == (10, 20, 30)


# recommending


@pytest.fixture
def cool(record: BenchmarkRecord) -> BenchmarkRecord:
    """`record`, but its quick row is steady and was not sustained."""
    del record.results[1]["sustained"]
    record.results[1]["unsteady"] = []
    return record


def test_the_quickest_that_keeps_the_accuracy_is_chosen(cool: BenchmarkRecord) -> None:
    judged = judge([cool], Needs(30, 0.05), None)
    chosen = best(judged)
    assert chosen.row["key"] == "quick.tflite"
    assert any("may lose 0.410 NME" in line for line in why_not(judged))
    assert any("NME drop +0.020, at most +0.030" in line for line in why(chosen, Needs()))


def test_about_as_quick_with_more_threads_is_not_chosen(cool: BenchmarkRecord) -> None:
    quick, threads = cool.results[1:3]
    assert threads["latency_ms"]["p90"] < quick["latency_ms"]["p90"]
    assert best(judge([cool], Needs(), None)).row["threads"] == 1


def test_a_row_that_slows_down_in_the_heat_is_judged_hot(record: BenchmarkRecord) -> None:
    cool = {row["key"]: frame_ms(row, detect=False) for row in record.results[1:4]}
    judged = {each.row["key"]: each for each in judge([record], Needs(), None)}
    assert judged["quick.tflite"].frame_ms == pytest.approx(1.2 * cool["quick.tflite"])
    assert judged["lossy.onnx"].frame_ms == cool["lossy.onnx"]
    assert any("20.0 % are added for heat" in line for line in why(judged["quick.tflite"], Needs()))
    assert any("never sustained" in doubt for doubt in judged["lossy.onnx"].doubts)
    assert not any("never sustained" in doubt for doubt in judged["quick.tflite"].doubts)


def test_of_two_that_are_alike_the_steady_one_is_chosen(cool: BenchmarkRecord) -> None:
    quick = cool.results[1]
    larger = {**quick, "key": "steady.tflite", "bytes": 2 * quick["bytes"]}
    quick["unsteady"] = ["it rained"]
    cool.results.append(larger)
    assert best(judge([cool], Needs(), None)).row["key"] == "steady.tflite"


def test_what_makes_the_whole_run_doubtful_is_said_of_its_rows(record: BenchmarkRecord) -> None:
    record.content["interrupted"] = True
    record.content["settings"]["faces"]["drawn"] = True
    doubts = judge([record], Needs(), None)[0].doubts
    assert {"its run was interrupted", "measured on drawn faces"} <= set(doubts)


def test_a_loss_that_is_allowed_buys_speed(cool: BenchmarkRecord) -> None:
    assert best(judge([cool], Needs(30, 0.5), None)).row["key"] == "lossy.onnx"


def test_a_frame_is_crop_inference_and_the_way_back(record: BenchmarkRecord) -> None:
    row = record.results[1]
    assert frame_ms(row, detect=False) == pytest.approx(row["latency_ms"]["p90"] + 4)
    assert frame_ms(row, detect=True) == pytest.approx(row["latency_ms"]["p90"] + 6)


def test_nothing_is_recommended_beyond_the_budget(record: BenchmarkRecord) -> None:
    judged = judge([record], Needs(5000, 0.05), None)
    assert best(judged) is None
    assert all("0.2 are there at 5000 fps" in reasons for reasons in why_not(judged))


def test_a_device_is_found_by_part_of_its_name(record: BenchmarkRecord) -> None:
    record.content["device"] |= {"board": "Raspberry Pi 5 Model B"}
    assert judge([record], Needs(), "raspberry pi 5")
    with pytest.raises(UsageError, match="no record is of a device like 'jetson'"):
        judge([record], Needs(), "jetson")


def test_what_was_measured_beside_is_not_shipped(record: BenchmarkRecord) -> None:
    for row in record.measured:
        row["compared"] = False
    judged = judge([record], Needs(), None)
    assert best(judged) is None
    assert "measured beside" in why_not(judged)[0]
