"""Which runtimes are installed and work here: each is tried in a process of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass

from asmnet_edge.cpu import is_arm
from asmnet_edge.formats import Runtime, suffixes_of
from asmnet_edge.processes import our_python
from asmnet_edge.runtime.backends.threads import sensible_threads
from asmnet_edge.shipped import SHIPPED_INT8, shipped
from asmnet_edge.versions import installed_version

GOOD, FAIR, BAD, ABSENT = "ok", "note", "bad", "-"
RUNTIME_SECONDS = 60


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


def tried(runtime: Runtime) -> Finding:
    """Of another process: a broken runtime can crash or hang."""
    name, version, cure = runtime.label, installed_version(runtime.package), runtime.cure
    if version == "unknown":
        return Finding(name, ABSENT, f"not installed; would run {suffixes_of(runtime)[0]}", cure)
    reason = failure(runtime.proof)
    if reason:
        cure = f"Reinstall it: {cure or f'pip install {runtime.package}'}"
        return Finding(name, BAD, f"{version} does not work: {reason}", cure)
    if name == "tflite-runtime" and not is_arm():
        told = f"{version}; does not accelerate int8 on x86"
        return Finding(name, FAIR, told, "pip install ai-edge-litert")
    slow = name == "OpenVINO" and is_arm()
    note = "; computes int8 models in floating point on ARM" if slow else ""
    told = f"{version}, runs {' and '.join(suffixes_of(runtime))}{note}"
    return Finding(name, FAIR if slow else GOOD, told)


def failure(proof: str) -> str:
    """Why ``proof`` fails in a process of its own; empty if it does not."""
    try:
        command = our_python("-c", proof)
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUNTIME_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it hung for {RUNTIME_SECONDS} s"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"it crashed (signal {-done.returncode})"
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def model() -> Finding:
    """The shipped model, checked, loaded, run and timed in a process of its own."""
    program = (
        "import json,time,statistics as s,numpy as n,sys;from pathlib import Path\n"
        "from asmnet_edge.runtime.backends.backend import open_artifact\n"
        "a=open_artifact(Path(sys.argv[1]),int(sys.argv[2]));c=n.full((1,224,224,3),128,n.uint8)\n"
        "t=[]\n"
        "for _ in range(30):\n"
        " b=time.perf_counter();a.backend.run(c);t.append(1e3*(time.perf_counter()-b))\n"
        "print(json.dumps([a.backend.name,s.median(t)]))"
    )
    command = our_python("-c", program, str(shipped(SHIPPED_INT8)), str(sensible_threads()))
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=RUNTIME_SECONDS, check=True
        )
        name, milliseconds = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return Finding("shipped model", BAD, "does not run", "Reinstall asmnet-edge")
    return Finding("shipped model", GOOD, f"{milliseconds:.1f} ms a face in {name}")
