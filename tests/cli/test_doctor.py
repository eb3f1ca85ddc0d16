"""``asmnet-edge doctor``: every finding has a state, and what is not good has a cure."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from asmnet_edge.runtime import diagnosis, tryout
from asmnet_edge.runtime.runtimes import Runtime, runtimes_of
from asmnet_edge.runtime.tryout import BAD, FAIR, Finding, tried

Run = Callable[..., Any]


def test_this_machine_is_well_enough(asmnet_edge: Run) -> None:
    ended = asmnet_edge("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(ended.out)}
    assert {"python", "int8", "LiteRT", "ONNX Runtime", "OpenVINO", "throttling"} <= found.keys()
    assert found["LiteRT"]["state"] == "ok"
    assert "ms a face in ai-edge-litert" in found["shipped model"]["message"]
    assert {finding["state"] for finding in found.values()} <= {"ok", "note", "bad", "-"}


def test_what_is_bad_ends_with_1_and_has_a_cure(
    asmnet_edge: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [Finding("power", BAD, "too little", "Use the official supply")]
    monkeypatch.setattr(diagnosis, "diagnose", lambda: iter(findings))
    ended = asmnet_edge("doctor")
    assert ended.code == 1
    assert "bad: power" in ended.complaint
    assert "Use the official supply" in ended.out


def test_a_runtime_that_crashes_is_told() -> None:
    crash = "import os; os.kill(os.getpid(), 11)"
    finding = tried(Runtime("Crashing", "numpy", "numpy", (".tflite",), "pip install it", crash))
    assert finding.state == BAD
    assert "it crashed (signal 11)" in finding.message
    assert "pip install it" in finding.cure


def test_a_runtime_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tryout, "RUNTIME_SECONDS", 1)
    assert tryout.failure("import time; time.sleep(60)") == "it hung for 1 s"


@pytest.mark.parametrize(("bits", "state"), [(0x50005, BAD), (0x50000, FAIR), (0, "ok")])
def test_a_board_that_is_slowed_down_says_so(
    monkeypatch: pytest.MonkeyPatch, bits: int, state: str
) -> None:
    monkeypatch.setattr(diagnosis.health, "throttle_bits", lambda: bits)
    finding = diagnosis._throttling()
    assert finding.state == state
    assert bool(finding.cure) == bool(bits)


@pytest.mark.parametrize(("version", "state"), [("4.11.0", FAIR), ("4.12.0", "ok")])
def test_an_opencv_with_a_known_flaw_is_told(
    monkeypatch: pytest.MonkeyPatch, version: str, state: str
) -> None:
    monkeypatch.setattr("cv2.__version__", version)
    assert diagnosis._package("opencv").state == state


def test_on_arm_openvino_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tryout, "is_arm", lambda: True)
    monkeypatch.setattr(tryout, "failure", lambda proof: "")
    (openvino,) = runtimes_of(".xml")
    assert "floating point on ARM" in tried(openvino).message
