"""What is installed, works and is quick on this machine, and what to do about the rest."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from asmnet_edge.cpu import DOT_PRODUCTS, FEATURES, features, is_arm
from asmnet_edge.runtime import health
from asmnet_edge.runtime.threads import sensible_threads, usable_cores
from asmnet_edge.shipped import SHIPPED_INT8, shipped
from asmnet_edge.versions import installed_version

GOOD, FAIR, BAD, ABSENT = "ok", "note", "bad", "-"
FLAWED = ("4.10.", "4.11.")  # versions of OpenCV
HOT, TOO_HOT = 70.0, 80.0  # degrees Celsius; a Pi slows down from 80 on
RUNTIME_SECONDS = 60
# runtime -> its package, what it runs, how to get it, a program that proves that it works
RUNTIMES = {
    "LiteRT": ("ai-edge-litert", ".tflite", "pip install ai-edge-litert", ""),
    "tflite-runtime": ("tflite-runtime", ".tflite", "", ""),
    "ONNX Runtime": (
        "onnxruntime",
        ".onnx",
        "pip install 'asmnet-edge[onnx]'",
        "import onnxruntime as o; assert 'CPUExecutionProvider' in o.get_available_providers()",
    ),
    "OpenVINO": (
        "openvino",
        ".xml",
        "pip install 'asmnet-edge[openvino]'",
        "import openvino as o; assert 'CPU' in o.Core().available_devices",
    ),
}


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis.

    state : ok, note, bad, or - for what is not there and need not be; cure : what to do about it
    """

    name: str
    state: str
    message: str
    cure: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def diagnose() -> Iterator[Finding]:
    """All findings, one after the other as they are made."""
    yield from (_python(), _cpu(), _cores())
    yield from map(_package, ("numpy", "opencv"))
    yield from map(_runtime, RUNTIMES)
    yield _model()
    yield from (_temperature(), _throttling(), _governor(), _cameras(), _picamera())


def _python() -> Finding:
    bits = "64-bit" if sys.maxsize > 2**32 else "32-bit"
    told = f"{platform.python_version()}, {bits}, {platform.system()} {platform.machine()}"
    if bits == "32-bit":
        return Finding("python", BAD, told, "Install a 64-bit system: runtimes need one")
    return Finding("python", GOOD, told)


def _cpu() -> Finding:
    found = features()
    if found is None:
        return Finding("int8", FAIR, "this system does not tell its CPU's features")
    quick = [FEATURES[name] for name in FEATURES if name in found & DOT_PRODUCTS]
    if quick:
        return Finding("int8", GOOD, f"accelerated: {', '.join(quick)}")
    told = "no dot products of int8: it gains little over float32 here"
    return Finding("int8", FAIR, told, "Measure both: asmnet-edge benchmark run")


def _cores() -> Finding:
    told = f"{usable_cores()} usable; predict takes {sensible_threads()} for the network"
    return Finding("cores", GOOD, told)


def _package(name: str) -> Finding:
    if name == "numpy":
        return Finding(name, GOOD, installed_version("numpy"))
    try:
        import cv2
    except ImportError as error:
        return Finding(
            name, BAD, f"cannot be loaded: {error}", "pip install opencv-python-headless"
        )
    lacks = [n for n in ("CascadeClassifier", "FaceDetectorYN") if not hasattr(cv2, n)]
    if lacks:
        cure = "pip install 'opencv-python-headless>=4.9,<5'"
        return Finding(name, FAIR, f"{cv2.__version__} lacks {', '.join(lacks)}", cure)
    if cv2.__version__.startswith(FLAWED):
        told = f"{cv2.__version__} may be attacked by JPEGs from strangers (CVE-2025-53644)"
        return Finding(name, FAIR, told, "pip install --upgrade 'opencv-python-headless>=4.12,<5'")
    return Finding(name, GOOD, f"{cv2.__version__}, with Haar and YuNet")


def _runtime(name: str) -> Finding:
    """Of another process: a broken runtime can crash or hang."""
    package, suffix, cure, proof = RUNTIMES[name]
    version = installed_version(package)
    if version == "unknown":
        return Finding(name, ABSENT, f"not installed; would run {suffix}", cure)
    if name == "tflite-runtime":
        told = f"{version}; does not accelerate int8 on x86"
        return Finding(name, GOOD if is_arm() else FAIR, told, "pip install ai-edge-litert")
    if name == "LiteRT":
        proof = "from asmnet_edge.runtime.litert import interpreter_class as i; i()"
    reason = _failure(proof)
    if reason:
        return Finding(name, BAD, f"{version} does not work: {reason}", f"Reinstall it: {cure}")
    slow = name == "OpenVINO" and is_arm()
    note = "; computes int8 models in floating point on ARM" if slow else ""
    return Finding(name, FAIR if slow else GOOD, f"{version}, runs {suffix}{note}")


def _failure(proof: str) -> str:
    """Why ``proof`` fails in a process of its own; empty if it does not."""
    try:
        command = [sys.executable, "-c", proof]
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUNTIME_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it hung for {RUNTIME_SECONDS} s"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"it crashed (signal {-done.returncode})"
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def _model() -> Finding:
    """The shipped model, checked, loaded, run and timed in a process of its own."""
    program = (
        "import json,time,statistics as s,numpy as n,sys;from pathlib import Path\n"
        "from asmnet_edge.runtime.backend import open_artifact\n"
        "a=open_artifact(Path(sys.argv[1]),int(sys.argv[2]));c=n.full((1,224,224,3),128,n.uint8)\n"
        "t=[]\n"
        "for _ in range(30):\n"
        " b=time.perf_counter();a.backend.run(c);t.append(1e3*(time.perf_counter()-b))\n"
        "print(json.dumps([a.backend.name,s.median(t)]))"
    )
    command = [sys.executable, "-c", program, str(shipped(SHIPPED_INT8)), str(sensible_threads())]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=RUNTIME_SECONDS, check=True
        )
        name, milliseconds = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return Finding("shipped model", BAD, "does not run", "Reinstall asmnet-edge")
    return Finding("shipped model", GOOD, f"{milliseconds:.1f} ms a face in {name}")


def _temperature() -> Finding:
    degrees = health.temperature()
    if degrees is None:
        return Finding("temperature", ABSENT, "this system does not tell")
    cure = "" if degrees < HOT else "Give it a heat sink or fan"
    state = GOOD if degrees < HOT else FAIR if degrees < TOO_HOT else BAD
    return Finding("temperature", state, f"{degrees:.0f} °C", cure)


def _throttling() -> Finding:
    bits = health.throttle_bits()
    if bits is None:
        return Finding("throttling", ABSENT, "no Raspberry Pi firmware to ask")
    now, before = health.throttling(bits), health.throttled_before(bits)
    cure = "Use the official power supply, and a fan" if now or before else ""
    if now:
        return Finding("throttling", BAD, f"slowed down now: {', '.join(now)}", cure)
    if before:
        return Finding("throttling", FAIR, f"has been since it started: {', '.join(before)}", cure)
    return Finding("throttling", GOOD, "not since it started")


def _governor() -> Finding:
    try:
        file = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
        governor = file.read_text().strip()
    except OSError:
        return Finding("governor", ABSENT, "this system does not tell")
    if governor in ("performance", "ondemand", "schedutil"):
        return Finding("governor", GOOD, governor)
    return Finding(
        "governor",
        FAIR,
        f"{governor} may hold the clock down",
        "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    )


def _cameras(
    devices: Callable[[], list[Path]] = lambda: sorted(Path("/dev").glob("video*")),
) -> Finding:
    found = devices()
    if not found:
        return Finding("cameras", ABSENT, "no /dev/video*", "Plug one in, or use rtsp://")
    closed = [str(path) for path in found if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        cure = f"sudo usermod -aG video {os.environ.get('USER', '$USER')}, then log in again"
        return Finding("cameras", BAD, f"may not be read: {', '.join(closed)}", cure)
    return Finding("cameras", GOOD, ", ".join(path.name for path in found[:8]))


def _picamera() -> Finding:
    reason = _failure("import picamera2")
    if not reason:
        return Finding("picamera2", GOOD, "is there: predict picamera2")
    if not is_arm():
        return Finding("picamera2", ABSENT, "not here; only a Raspberry Pi has it")
    return Finding(
        "picamera2",
        ABSENT,
        "not in this environment",
        "sudo apt install python3-picamera2; make the venv with --system-site-packages",
    )
