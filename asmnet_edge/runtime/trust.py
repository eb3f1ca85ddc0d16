"""Artifacts that nobody vouches for: loaded and run first where a crash costs nothing.

A runtime's parser is native code and may do anything with a bad file. A file without a manifest is
tried in a process of its own, with limits of memory, time and writing; what it says of itself there
stands in for the manifest.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from asmnet_edge.crop import CropRule
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.files import sha256
from asmnet_edge.manifest import ArtifactManifest, Precision, artifact_files
from asmnet_edge.runtime.backend import BACKENDS
from asmnet_edge.schemes import scheme_with

SECONDS = 60  # that a trial may take
MEMORY = 6 * 2**30  # bytes of addresses; runtimes reserve far more than they use
LARGEST = 256 * 2**20  # bytes of a file
CURE = "Take an artifact that asmnet-edge convert made"


def tried_manifest(path: Path) -> ArtifactManifest:
    """A manifest for ``path``, from loading and running it in a process of its own.

    `ModelError` in one line, whatever became of that process, and if the file changed meanwhile.
    """
    files = artifact_files(path)
    for file in files:
        _check_size(file)
    before = [sha256(file) for file in files]
    facts = _tried(path)
    if [sha256(file) for file in files] != before:
        raise ModelError(f"{path} changed while it was tried")
    return _manifest(path, facts).sealed(files)


def _check_size(file: Path) -> None:
    if not file.is_file():
        raise ModelError(f"{file} is missing", "It belongs to the artifact: copy it too")
    if file.stat().st_size > LARGEST:
        raise ModelError(f"{file} has more than {LARGEST:,} bytes", CURE)


def _tried(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "asmnet_edge.runtime.trial", str(path)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SECONDS, env=environment,
            stdin=subprocess.DEVNULL, check=False, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{path} was still loading after {SECONDS} s", CURE) from error
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ModelError(f"{path} crashed the runtime that it was tried in ({name})", CURE)
    try:
        facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} ended the process that it was tried in", CURE) from error
    if "error" in facts:
        raise ModelError(" ".join(str(facts["error"]).split()), CURE)
    return facts


def _manifest(path: Path, facts: dict[str, Any]) -> ArtifactManifest:
    """What can be said of a file that ran: its crop and scheme, by the shapes that it takes."""
    try:
        scheme, size = scheme_with(int(facts["points"])), int(facts["size"])
    except UsageError as error:
        raise ModelError(f"{path} gives {facts['points']} points. {error}") from error
    crop = CropRule(size=size)
    return ArtifactManifest(
        format=BACKENDS[path.suffix][0],
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
