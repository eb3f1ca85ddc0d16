"""The checks of ``asmnet-edge doctor``: installed packages, runtimes, speed, cameras, the board.

Parts that could crash or hang, such as a runtime, are probed in a child process.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from asmnet_edge.formats import Runtime, all_runtimes, suffixes_of
from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.io.system import (
    DOT_PRODUCTS,
    FEATURES,
    failure,
    features,
    installed_version,
    is_arm,
    our_python,
    sensible_threads,
    usable_cores,
)
from asmnet_edge.runtime import monitoring
from asmnet_edge.runtime.cameras.discovery import ribbon_fault, video_nodes

GOOD, FAIR, BAD, ABSENT = "ok", "note", "bad", "-"
MODEL_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """Result of one check: one line of ``doctor``.

    state : ok, note, bad, or - for an optional part that is absent; cure : how to fix it
    """

    name: str
    state: str
    message: str
    cure: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def probe_runtime(runtime: Runtime) -> Finding:
    """Load ``runtime`` in a child process, as a broken one can crash or hang."""
    name, version, cure = runtime.label, installed_version(runtime.package), runtime.cure
    if version == "unknown":
        return Finding(name, ABSENT, f"not installed; would run {suffixes_of(runtime)[0]}", cure)
    reason = failure(runtime.proof)
    if reason:
        cure = f"Reinstall it: {cure or f'pip install {runtime.package}'}"
        return Finding(name, BAD, f"{version} does not work: {reason}", cure)
    if name == "tflite-runtime" and not is_arm():
        message = f"{version}; does not accelerate int8 on x86"
        return Finding(name, FAIR, message, "pip install ai-edge-litert")
    slow = name == "OpenVINO" and is_arm()
    note = "; computes int8 models in floating point on ARM" if slow else ""
    message = f"{version}, runs {' and '.join(suffixes_of(runtime))}{note}"
    return Finding(name, FAIR if slow else GOOD, message)


def probe_model() -> Finding:
    """Check, load, run and time the shipped model in a child process."""
    program = (
        "import json,time,statistics as s,numpy as n,sys;from pathlib import Path\n"
        "from asmnet_edge.runtime.artifact import open_artifact\n"
        "a=open_artifact(Path(sys.argv[1]),int(sys.argv[2]));c=n.full((1,224,224,3),128,n.uint8)\n"
        "t=[]\n"
        "for _ in range(30):\n"
        " b=time.perf_counter();a.backend.run(c);t.append(1e3*(time.perf_counter()-b))\n"
        "print(json.dumps([a.backend.name,s.median(t)]))"
    )
    command = our_python("-c", program, str(shipped(SHIPPED_INT8)), str(sensible_threads()))
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=MODEL_SECONDS, check=True
        )
        name, milliseconds = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return Finding("shipped model", BAD, "does not run", "Reinstall asmnet-edge")
    return Finding("shipped model", GOOD, f"{milliseconds:.1f} ms a face in {name}")


FLAWED = ("4.10.", "4.11.")  # versions of OpenCV
HOT, TOO_HOT = 70.0, 80.0  # degrees Celsius; a Pi slows down from 80 on


def diagnose() -> Iterator[Finding]:
    """Yield all findings, each as soon as it is known."""
    yield from (_python(), _cpu(), _cores())
    yield from map(_package, ("numpy", "opencv"))
    yield from map(probe_runtime, all_runtimes())
    yield probe_model()
    yield from (_temperature(), _throttling(), _governor(), _cameras(), _picamera())


def _python() -> Finding:
    bits = "64-bit" if sys.maxsize > 2**32 else "32-bit"
    message = f"{platform.python_version()}, {bits}, {platform.system()} {platform.machine()}"
    if bits == "32-bit":
        return Finding("python", BAD, message, "Install a 64-bit system: runtimes need one")
    return Finding("python", GOOD, message)


def _cpu() -> Finding:
    found = features()
    if found is None:
        return Finding("int8", FAIR, "this system does not report its CPU's features")
    fast = [FEATURES[name] for name in FEATURES if name in found & DOT_PRODUCTS]
    if fast:
        return Finding("int8", GOOD, f"accelerated: {', '.join(fast)}")
    message = "no dot products of int8: it gains little over float32 here"
    return Finding("int8", FAIR, message, "Measure both: asmnet-edge benchmark run")


def _cores() -> Finding:
    message = f"{usable_cores()} usable; predict takes {sensible_threads()} for the network"
    return Finding("cores", GOOD, message)


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
        message = f"{cv2.__version__} may be attacked by JPEGs from strangers (CVE-2025-53644)"
        return Finding(name, FAIR, message, _opencv_cure(installed_version("numpy")))
    return Finding(name, GOOD, f"{cv2.__version__}, with Haar and YuNet")


def _opencv_cure(numpy: str) -> str:
    """Return the upgrade that keeps NumPy 1 where it is: Picamera2 of Bookworm needs it."""
    if numpy.startswith("1."):
        return "pip install 'opencv-python-headless>=4.9,<4.10'"
    return "pip install --upgrade 'opencv-python-headless>=4.12,<5'"


def _temperature() -> Finding:
    degrees = monitoring.celsius()
    if degrees is None:
        return Finding("temperature", ABSENT, "this system does not report it")
    cure = "" if degrees < HOT else "Give it a heat sink or fan"
    state = GOOD if degrees < HOT else FAIR if degrees < TOO_HOT else BAD
    return Finding("temperature", state, f"{degrees:.0f} °C", cure)


def _throttling() -> Finding:
    bits = monitoring.throttle_bits()
    if bits is None:
        return Finding("throttling", ABSENT, "only the firmware of a Raspberry Pi reports it")
    now, before = monitoring.throttling(bits), monitoring.throttled_before(bits)
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
        return Finding("governor", ABSENT, "this system does not report it")
    if governor in ("performance", "ondemand", "schedutil"):
        return Finding("governor", GOOD, governor)
    return Finding(
        "governor",
        FAIR,
        f"{governor} may hold the clock down",
        "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    )


def _cameras() -> Finding:
    found = video_nodes()
    if not found:
        message = "no camera of Video4Linux (USB)"
        return Finding("cameras", ABSENT, message, "Plug one in, or use rtsp://")
    closed = [str(node.path) for node in found if not os.access(node.path, os.R_OK | os.W_OK)]
    if closed:
        cure = f"sudo usermod -aG video {os.environ.get('USER', '$USER')}, then log in again"
        return Finding("cameras", BAD, f"permission denied: {', '.join(closed)}", cure)
    return Finding("cameras", GOOD, "; ".join(map(str, found[:8])))


def _picamera() -> Finding:
    reason = ribbon_fault()
    if not reason:
        return Finding("picamera2", GOOD, "has a camera: predict picamera2")
    if not is_arm():
        return Finding("picamera2", ABSENT, "not here; only a Raspberry Pi has it")
    if "not in this environment" not in reason:
        cure = "Check the ribbon cable, then: rpicam-hello --list-cameras"
        return Finding("picamera2", ABSENT, reason, cure)
    cure = "sudo apt install python3-picamera2 --no-install-recommends; then run install.sh again"
    return Finding("picamera2", ABSENT, reason, cure)
