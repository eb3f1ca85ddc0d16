"""The checks of ``asmnet-edge doctor``: what is installed, works and is fast on this machine."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from asmnet_edge.cpu import DOT_PRODUCTS, FEATURES, features, is_arm, usable_cores
from asmnet_edge.formats import all_runtimes
from asmnet_edge.runtime import health
from asmnet_edge.runtime.backends.threads import sensible_threads
from asmnet_edge.runtime.cameras.attached import ribbon_fault, video_nodes
from asmnet_edge.runtime.doctor.tryout import (
    ABSENT,
    BAD,
    FAIR,
    GOOD,
    Finding,
    probe_model,
    probe_runtime,
)
from asmnet_edge.versions import installed_version

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
    degrees = health.celsius()
    if degrees is None:
        return Finding("temperature", ABSENT, "this system does not report it")
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
        return Finding("cameras", BAD, f"may not be read: {', '.join(closed)}", cure)
    return Finding("cameras", GOOD, "; ".join(map(str, found[:8])))


def _picamera() -> Finding:
    reason = ribbon_fault()
    if not reason:
        return Finding("picamera2", GOOD, "has a camera: predict picamera2")
    if not is_arm():
        return Finding("picamera2", ABSENT, "not here; only a Raspberry Pi has it")
    if "not in this environment" not in reason:
        cure = "Look at the ribbon's seat, and at: rpicam-hello --list-cameras"
        return Finding("picamera2", ABSENT, reason, cure)
    cure = "sudo apt install python3-picamera2 --no-install-recommends; then run install.sh again"
    return Finding("picamera2", ABSENT, reason, cure)
