"""``asmnet-edge doctor``: every finding has a state, and a cure unless it is good."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.errors import DataError
from asmnet_edge.formats import Runtime, runtimes_of
from asmnet_edge.io import system
from asmnet_edge.runtime import diagnosis
from asmnet_edge.runtime.cameras import discovery
from asmnet_edge.runtime.cameras.discovery import (
    best_camera,
    other_cameras,
    ribbon_fault,
    video_nodes,
)
from asmnet_edge.runtime.diagnosis import BAD, FAIR, Finding, probe_runtime

Run = Callable[..., Any]


def test_this_machine_passes(asmnet_edge: Run) -> None:
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


def test_a_runtime_that_crashes_is_reported() -> None:
    crash = "import os; os.kill(os.getpid(), 11)"
    runtime = Runtime("Crashing", "numpy", "numpy", "numpy:load", "pip install it", crash)
    finding = probe_runtime(runtime)
    assert finding.state == BAD
    assert "it crashed (signal 11)" in finding.message
    assert "pip install it" in finding.cure


def test_a_runtime_that_hangs_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "CHECK_SECONDS", 1)
    assert system.failure("import time; time.sleep(60)") == "it hung for 1 s"


@pytest.mark.parametrize(("bits", "state"), [(0x50005, BAD), (0x50000, FAIR), (0, "ok")])
def test_a_throttled_board_is_reported(
    monkeypatch: pytest.MonkeyPatch, bits: int, state: str
) -> None:
    monkeypatch.setattr(diagnosis.monitoring, "throttle_bits", lambda: bits)
    finding = diagnosis._throttling()
    assert finding.state == state
    assert bool(finding.cure) == bool(bits)


@pytest.mark.parametrize(("version", "state"), [("4.11.0", FAIR), ("4.12.0", "ok")])
def test_an_opencv_with_a_known_flaw_is_reported(
    monkeypatch: pytest.MonkeyPatch, version: str, state: str
) -> None:
    monkeypatch.setattr("cv2.__version__", version)
    assert diagnosis._package("opencv").state == state


@pytest.mark.parametrize(("numpy", "wanted"), [("1.26.4", "<4.10"), ("2.4.0", ">=4.12")])
def test_the_cure_keeps_the_version_of_numpy(numpy: str, wanted: str) -> None:
    assert wanted in diagnosis._opencv_cure(numpy)


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """The root of a Pi 4 with a USB camera that came last; names as its drivers give them."""
    names = ["unicam-image", "bcm2835-codec-decode", "bcm2835-isp-capture0", "rpivid", "HD Webcam"]
    for number, name in enumerate([*names, "HD Webcam"]):
        facts = tmp_path / f"sys/class/video4linux/video{number}"
        facts.mkdir(parents=True)
        (facts / "name").write_text(name + "\n")
        (facts / "index").write_text("1\n" if number == 5 else "0\n")  # 5: no pictures in it
        (tmp_path / "dev/v4l/by-id").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"dev/video{number}").touch()
    (tmp_path / "dev/v4l/by-id/usb-HD_Webcam-index0").symlink_to("../../video4")
    return tmp_path


def test_codecs_are_no_cameras(pi: Path) -> None:
    (camera,) = video_nodes(pi)
    assert (camera.path, camera.name) == (pi / "dev/video4", "HD Webcam")
    assert camera.stable == "/dev/v4l/by-id/usb-HD_Webcam-index0"
    assert f"Cameras here: {camera.stable} ({camera.name})." in other_cameras(pi)
    assert "no /dev/video* is one" in other_cameras(pi / "dev")


PICAMERA2 = """class Picamera2:
    @staticmethod
    def global_camera_info():
        return [{"Id": name} for name in %r]
"""


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        (["/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a", "/base/pci@0,0/usb@0,0-1:1.0"], ""),
        (["/base/pci@0,0/usb@0,0-1:1.0"], "it finds no camera on the ribbon"),
        ([], "it finds no camera on the ribbon"),
    ],
)
def test_picamera2_is_searched_for_a_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: list[str], reason: str
) -> None:
    (tmp_path / "picamera2.py").write_text(PICAMERA2 % ids)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert ribbon_fault() == reason


def test_the_ribbon_camera_is_preferred_to_usb(pi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = video_nodes(pi)
    monkeypatch.setattr(discovery, "video_nodes", lambda: nodes)
    monkeypatch.setattr(discovery, "ribbon_fault", lambda: "")
    assert best_camera() == "picamera2"
    monkeypatch.setattr(discovery, "ribbon_fault", lambda: "it finds none")
    assert best_camera() == "/dev/v4l/by-id/usb-HD_Webcam-index0"
    nodes.clear()
    with pytest.raises(DataError, match="no camera is attached"):
        best_camera()


def test_openvino_on_arm_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "is_arm", lambda: True)
    monkeypatch.setattr(diagnosis, "failure", lambda proof: "")
    (openvino,) = runtimes_of(Path("model.xml"))
    assert "floating point on ARM" in probe_runtime(openvino).message
