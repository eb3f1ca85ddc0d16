"""Findings about runtimes and the shipped model, each probed in a child process."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass

from asmnet_edge.cpu import is_arm
from asmnet_edge.formats import Runtime, suffixes_of
from asmnet_edge.processes import failure, our_python
from asmnet_edge.runtime.backends.threads import sensible_threads
from asmnet_edge.shipped import SHIPPED_INT8, shipped
from asmnet_edge.versions import installed_version

GOOD, FAIR, BAD, ABSENT = "ok", "note", "bad", "-"
MODEL_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis.

    state : ok, note, bad, or - for what is absent and optional; cure : what to do about it
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
