"""The block for issues: what someone else needs to judge a run, and the command that repeats it."""

import shlex
from typing import Any

import pytest

from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.report import summary
from asmnet_edge.benchmarks.report.tables import plain_block
from asmnet_edge.cli.benchmark.run import print_record
from asmnet_edge.errors import CheckFailedError


def command(record: BenchmarkRecord) -> list[str]:
    words = shlex.split(summary.command(record.typed))
    assert words[:3] == ["asmnet-edge", "benchmark", "run"]
    return words[3:]


def after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_the_block_has_machine_versions_rows_and_command(record: BenchmarkRecord) -> None:
    lines = plain_block(record.typed).splitlines()
    device = record.device
    assert lines[0].startswith(f"asmnet-edge {record.content['asmnet_edge']}, quick benchmark of")
    assert device.cpu in lines[1]
    assert f"{device.cores} cores" in lines[1]
    assert f"numpy {device.packages['numpy']}" in lines[3]
    assert lines[4] == "faces: 3 faces (three <faces>)"
    assert lines[-1].startswith("reproduce: asmnet-edge benchmark run ")
    assert max(map(len, lines[:5])) < 1000


def test_each_row_is_a_line_with_its_figures(record: BenchmarkRecord) -> None:
    lines = plain_block(record.typed).splitlines()
    (quick,) = [line for line in lines if line.startswith("~quick.tflite")]  # it was unsteady
    latency = record.cases[1].latency_ms
    for cell in (f"{latency.p50:.2f}", f"{latency.p90:.2f}", "1.80", "+0.020", "0.30"):
        assert cell in quick.split()
    assert "bad.onnx  failed: it <fell> over" in lines
    assert "warning: quick.tflite: it <rained>" in lines


def test_faces_that_lack_are_counted(record: BenchmarkRecord) -> None:
    record.content["settings"]["faces"]["missing"] = [{"part": "ibug", "faces": 135}]
    assert "faces: 3 of 138 faces (three <faces>)" in plain_block(record.typed)


def test_the_command_names_files_and_effort(record: BenchmarkRecord) -> None:
    words = command(record)
    assert {"quick.tflite", "lossy.onnx"} <= set(words)
    assert after(words, "--float-model") == "float.keras"
    assert after(words, "--queries") == "8"
    assert "--no-cold" not in words
    assert after(words, "--data") == "three:DIR"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "rigorous", "latency": {"queries": 1024, "seconds": 60.0}}, ["--rigorous"]),
        ({"latency": {"cold_starts": 0}}, ["--no-cold"]),
        ({"sustain_seconds": 1800.0}, ["--sustain", "1800s"]),
        ({"threads": [1, 2]}, ["--threads", "1,2"]),
        ({"faces": {"count": 64, "on": "synthetic test"}}, ["--data", "synthetic:64"]),
    ],
)
def test_the_command_has_the_options_that_were_given(
    record: BenchmarkRecord, change: dict[str, Any], words: list[str]
) -> None:
    record.content["settings"].update(change)
    found = command(record)
    assert all(word in found for word in words)
    assert found[-2:] == ["--output", "record.json"]


def test_the_usual_drawn_faces_need_no_option(record: BenchmarkRecord) -> None:
    for row in record.content["results"]:
        row.pop("accuracy", None)  # without --data there are no annotations
    for count, given in ((64, False), (128, True)):
        record.content["settings"]["faces"] = {"count": count, "on": "synthetic test"}
        assert ("--data" in command(record)) == given


def test_models_beside_and_runtimes_are_in_the_command(record: BenchmarkRecord) -> None:
    record.content["results"][3] |= {"compared": False, "key": "lossy.onnx in openvino"}
    words = command(record)
    assert after(words, "--beside") == "lossy.onnx"
    assert words.count("lossy.onnx") == 1
    assert after(words, "--runtimes") == "openvino"
    del record.content["results"][0]
    assert "--no-float" in command(record)


def test_a_run_ends_with_the_block_and_json_does_not(
    record: BenchmarkRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CheckFailedError, match=r"could not be measured: bad\.onnx"):
        print_record(record, as_json=False)
    printed = capsys.readouterr().out
    assert printed.endswith(f"To paste into an issue:\n\n```\n{plain_block(record.typed)}\n```\n")
    with pytest.raises(CheckFailedError):
        print_record(record, as_json=True)
    assert "To paste" not in capsys.readouterr().out
