"""Models that nobody vouches for: loaded and run first where a crash costs nothing.

A parser of models is native code and may do anything with a bad file. What comes without a manifest
is tried in a process of its own, with limits of memory, time and writing; what it says of itself
there stands in for the manifest. It gets the very bytes that are loaded here afterwards.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from asmnet_edge.crop import CropRule
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.files import sha256
from asmnet_edge.formats import format_of
from asmnet_edge.manifest import ArtifactManifest, Precision, artifact_files
from asmnet_edge.processes import our_python
from asmnet_edge.runtime.backends.backend import CheckedArtifact, Files, read_files
from asmnet_edge.schemes import scheme_with

SECONDS = 60  # that a trial may take
LARGEST = 256 * 2**20  # bytes of a file
ANSWER = 2**16  # bytes that are read of a trial's answer
CURE = "Take an artifact that asmnet-edge convert made"


def tried_artifact(path: Path) -> CheckedArtifact:
    """The artifact at ``path`` with a manifest from loading and running it elsewhere.

    `ModelError` in one line, whatever became of that process.
    """
    files = read_limited(path, LARGEST)
    if lacking := [p for p in artifact_files(path) if p.suffix not in files]:
        raise ModelError(f"{lacking[0]} is missing", "It belongs to the artifact: copy it too")
    manifest = _manifest(path, tried("artifact", path, files))
    sealed = tuple(
        {"name": path.with_suffix(suffix).name, "bytes": len(content), "sha256": sha256(content)}
        for suffix, content in files.items()
    )
    return CheckedArtifact(path, replace(manifest, files=sealed), files)


def read_limited(path: Path, largest: int, cure: str = CURE) -> Files:
    """`read_files`, with `ModelError` if one has more than ``largest`` bytes."""
    files = read_files(path, largest + 1)
    for suffix, content in files.items():
        if len(content) > largest:
            raise ModelError(f"{path.with_suffix(suffix)} has more than {largest:,} bytes", cure)
    return files


def tried(kind: str, path: Path, files: Files, cure: str = CURE) -> dict[str, Any]:
    """What the trial of a ``kind`` says of ``files``, read from ``path``; see `runtime.trial`."""
    head = json.dumps({suffix: len(content) for suffix, content in files.items()})
    with tempfile.TemporaryFile() as answer:  # a file, as its size has a limit
        code = _run(kind, path, b"".join([head.encode(), b"\n", *files.values()]), answer, cure)
        answer.seek(0)
        said = answer.read(ANSWER)
    if code < 0:
        name = signal.Signals(-code).name
        raise ModelError(f"{path} crashed the runtime that it was tried in ({name})", cure)
    try:
        facts: dict[str, Any] = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} ended the process that it was tried in", cure) from error
    if "error" in facts:
        raise ModelError(" ".join(str(facts["error"]).split()), cure)
    return facts


def _run(kind: str, path: Path, given: bytes, answer: IO[bytes], cure: str) -> int:
    command = our_python("-m", "asmnet_edge.runtime.backends.trial", kind, str(path))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, input=given, stdout=answer, stderr=subprocess.DEVNULL, timeout=SECONDS,
            env=environment, check=False, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{path} was still loading after {SECONDS} s", cure) from error
    return done.returncode


def _manifest(path: Path, facts: dict[str, Any]) -> ArtifactManifest:
    """What can be said of a file that ran: its crop and scheme, by the shapes that it takes."""
    try:
        scheme, size = scheme_with(int(facts["points"])), int(facts["size"])
    except UsageError as error:
        raise ModelError(f"{path} gives {facts['points']} points. {error}") from error
    crop = CropRule(size=size)
    return ArtifactManifest(
        format=format_of(path).name,
        precision=Precision.FLOAT32,
        model={"points": scheme.points, "input_size": size},
        scheme=scheme.name,
        crop={"margin": crop.margin, "size": crop.size},
        inputs=(),
        outputs=(),
        parameters=0,
        multiply_adds=0,
        operators={"total": 0, "int8": 0},
        calibration=None,
        source_sha256="",
        provenance={"trusted": "without a manifest"},
        licence="unknown",
        tools={},
    )
