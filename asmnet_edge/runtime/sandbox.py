"""The sandbox: loads a model without a manifest in a child process, where a crash costs nothing.

A parser of models is native code and may do anything with a bad file. A file without a manifest is
first loaded and run in a process with limits of memory, time and writing. That process gets the
same bytes that are loaded afterwards.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from asmnet_edge.errors import ModelError
from asmnet_edge.io.system import our_python

SECONDS = 60  # that a probe may take
ANSWER = 2**16  # bytes that are read of a probe's answer
CURE = "Take an artifact that asmnet-edge convert made"
CHILD = "asmnet_edge.runtime.probe"  # the program of the child process


def check_size(path: Path, files: Mapping[str, bytes], largest: int, cure: str = CURE) -> None:
    """Raise `ModelError` if one of ``files``, suffix -> content, has more than ``largest`` bytes.

    path : of the model, for the message
    """
    for suffix, content in files.items():
        if len(content) > largest:
            raise ModelError(f"{path.with_suffix(suffix)} has more than {largest:,} bytes", cure)


def run_probe(
    module: str, path: Path, files: Mapping[str, bytes], cure: str = CURE
) -> dict[str, Any]:
    """Call ``probe(path, files)`` of ``module`` in a child process and return its answer.

    module : dotted name; its function returns what JSON can hold; path : of the model, for messages
    files : suffix -> content of the model's files
    `ModelError` in one line, however that process ends.
    """
    head = json.dumps({suffix: len(content) for suffix, content in files.items()})
    with tempfile.TemporaryFile() as answer:  # a file, as its size has a limit
        code = _run(module, path, b"".join([head.encode(), b"\n", *files.values()]), answer, cure)
        answer.seek(0)
        content = answer.read(ANSWER)
    if code < 0:
        name = signal.Signals(-code).name
        raise ModelError(f"{path} crashed the runtime in the sandbox ({name})", cure)
    try:
        facts: dict[str, Any] = json.loads(content.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} ended the process of the sandbox", cure) from error
    if "error" in facts:
        raise ModelError(" ".join(str(facts["error"]).split()), cure)
    return facts


def _run(module: str, path: Path, content: bytes, answer: IO[bytes], cure: str) -> int:
    command = our_python("-m", CHILD, module, str(path), str(SECONDS))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, input=content, stdout=answer, stderr=subprocess.DEVNULL, timeout=SECONDS,
            env=environment, check=False, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{path} was still loading after {SECONDS} s", cure) from error
    return done.returncode
