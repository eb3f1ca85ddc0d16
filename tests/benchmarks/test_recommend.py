"""The choice of what to ship, and the text where nothing meets the needs."""

import re

import pytest
from json_rows import measured_rows

from asmnet_edge.benchmarks.recommend import (
    Needs,
    advice,
    best,
    frame_ms,
    judge,
    nearest,
    what_would,
    why,
    why_not,
)
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.errors import UsageError


@pytest.fixture
def cool(record: BenchmarkRecord) -> BenchmarkRecord:
    """`record`, but its quick row is steady and was not sustained."""
    del record.content["results"][1]["sustained"]
    record.content["results"][1]["unsteady"] = []
    return record


def test_the_quickest_that_keeps_the_accuracy_is_chosen(cool: BenchmarkRecord) -> None:
    judged = judge([cool.typed], Needs(30, 0.05), None)
    chosen = best(judged)
    assert chosen.row.key == "quick.tflite"
    assert any("may lose 0.410 NME" in line for line in why_not(judged))
    assert any("NME drop +0.020, at most +0.030" in line for line in why(chosen, Needs()))


def test_about_as_quick_with_more_threads_is_not_chosen(cool: BenchmarkRecord) -> None:
    quick, threads = cool.content["results"][1:3]
    assert threads["latency_ms"]["p90"] < quick["latency_ms"]["p90"]
    assert best(judge([cool.typed], Needs(), None)).row.threads == 1


def test_a_row_that_slows_down_in_the_heat_is_judged_hot(record: BenchmarkRecord) -> None:
    cool = {row.key: frame_ms(row, detect=False) for row in record.cases[1:4]}
    judged = {each.row.key: each for each in judge([record.typed], Needs(), None)}
    assert judged["quick.tflite"].frame_ms == pytest.approx(1.2 * cool["quick.tflite"])
    assert judged["lossy.onnx"].frame_ms == cool["lossy.onnx"]
    assert any("20.0 % are added for heat" in line for line in why(judged["quick.tflite"], Needs()))
    assert any("never sustained" in doubt for doubt in judged["lossy.onnx"].doubts)
    assert not any("never sustained" in doubt for doubt in judged["quick.tflite"].doubts)


def test_of_two_that_are_alike_the_steady_one_is_chosen(cool: BenchmarkRecord) -> None:
    quick = cool.content["results"][1]
    larger = {**quick, "key": "steady.tflite", "bytes": 2 * quick["bytes"]}
    quick["unsteady"] = ["it rained"]
    cool.content["results"].append(larger)
    assert best(judge([cool.typed], Needs(), None)).row.key == "steady.tflite"


def test_what_makes_the_whole_run_doubtful_is_a_doubt_of_its_rows(record: BenchmarkRecord) -> None:
    record.content["interrupted"] = True
    record.content["settings"]["faces"]["drawn"] = True
    doubts = judge([record.typed], Needs(), None)[0].doubts
    assert {"its run was interrupted", "measured on drawn faces"} <= set(doubts)


def test_a_loss_that_is_allowed_buys_speed(cool: BenchmarkRecord) -> None:
    assert best(judge([cool.typed], Needs(30, 0.5), None)).row.key == "lossy.onnx"


def test_a_frame_is_crop_inference_and_the_way_back(record: BenchmarkRecord) -> None:
    row = record.cases[1]
    assert frame_ms(row, detect=False) == pytest.approx(row.latency_ms.p90 + 4)
    assert frame_ms(row, detect=True) == pytest.approx(row.latency_ms.p90 + 6)


def test_a_frame_is_what_following_a_face_took_where_that_was_timed(
    record: BenchmarkRecord,
) -> None:
    record.content["results"][1]["stages_ms"]["track"] = {"p50": 5.0, "p90": 7.0}
    row = record.cases[1]
    assert frame_ms(row, detect=False) == 7
    assert frame_ms(row, detect=True) == 9


def test_nothing_is_recommended_beyond_the_budget(record: BenchmarkRecord) -> None:
    judged = judge([record.typed], Needs(5000, 0.05), None)
    assert best(judged) is None
    assert all("0.2 are there at 5000 fps" in reasons for reasons in why_not(judged))


def test_a_device_is_found_by_part_of_its_name(record: BenchmarkRecord) -> None:
    record.content["device"] |= {"board": "Raspberry Pi 5 Model B"}
    assert judge([record.typed], Needs(), "raspberry pi 5")
    with pytest.raises(UsageError, match="no record is of a device like 'jetson'"):
        judge([record.typed], Needs(), "jetson")


def test_what_was_measured_beside_is_not_shipped(record: BenchmarkRecord) -> None:
    for row in measured_rows(record):
        row["compared"] = False
    judged = judge([record.typed], Needs(), None)
    assert best(judged) is None
    assert "measured with --beside" in why_not(judged)[0]


def test_without_a_match_one_block_has_the_nearest_row_and_what_it_misses(
    cool: BenchmarkRecord,
) -> None:
    needs = Needs(200, 0.02, threads=1)
    lines = advice(judge([cool.typed], needs, None), needs)
    assert lines[0] == (
        "Nothing meets the needs: 200 frames a second, at most 0.02 points of NME lost, "
        "at most 1 thread."
    )
    assert re.fullmatch(r"quick.tflite on .* comes nearest:", lines[1])
    assert lines[2].startswith("  misses: ")
    assert lines[2].endswith("ms a frame, 5.0 are there at 200 fps")
    assert lines[3:5] == [
        "  misses: may lose 0.030 NME, 0.02 are allowed",
        "  meets: threads: 1, 1 allowed",
    ]
    assert lines[5].startswith("It would do for --fps ")
    assert lines[6] == "Others:"
    assert [line.split(":")[0] for line in lines[7:]] == ["  tflite int8 2t", "  onnx int8"]


def test_the_options_that_would_do_choose_the_nearest_row(cool: BenchmarkRecord) -> None:
    needs = Needs(300, 0.0, threads=1)
    near = nearest(judge([cool.typed], needs, None), needs)
    words = what_would(near, needs).split()
    fps, drop, threads = (
        float(words[words.index(o) + 1]) for o in ("--fps", "--max-nme-drop", "--max-threads")
    )
    assert best(judge([cool.typed], Needs(fps, drop, threads=int(threads)), None)).row == near.row


def test_a_record_without_drops_asks_for_another(cool: BenchmarkRecord) -> None:
    for row in measured_rows(cool):
        row["accuracy"] |= {"nme_drop_interval": None}
    judged = judge([cool.typed], Needs(), None)
    assert nearest(judged, Needs()) is None
    first, cure, *others = advice(judged, Needs())
    assert first.startswith("Nothing meets the needs: 30 frames a second")
    assert cure == f"{what_would(None, Needs())}."
    assert "with --data" in cure
    assert len(others) == 1 + len(judged)
