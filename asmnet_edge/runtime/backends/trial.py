"""The process in which a file that nobody vouches for is loaded: see `backends.trust`.

    python -P -m asmnet_edge.runtime.backends.trial KIND NAME

KIND is artifact or yunet. On standard input come a line of JSON, suffix -> length of each file, and
then their bytes. Prints one line of JSON: the size and points of a network that keeps the contract
(of YuNet, nothing), or an error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.errors import AsmnetEdgeError, ModelError
from asmnet_edge.runtime.backends.backend import Files, InferenceBackend, open_backend
from asmnet_edge.runtime.backends.trust import SECONDS

MEMORY = 6 * 2**30  # bytes of addresses; runtimes reserve far more than they use
SHARE = 0.75  # of the memory that is free when it starts
SIZES = (224, 192, 160, 128, 112, 96, 64)  # sides of crops, tried where a runtime does not tell


def main() -> None:
    limit()
    kind, path = sys.argv[1], Path(sys.argv[2])
    answer = os.dup(1)  # runtimes print to standard output
    os.dup2(2, 1)
    try:
        facts = tried(kind, path, given())
    except AsmnetEdgeError as error:
        facts = {"error": error.message}
    except Exception as error:  # a stranger's file may make a runtime raise anything
        facts = {"error": f"{path} cannot be run: {error or type(error).__name__}"}
    os.write(answer, (json.dumps(facts) + "\n").encode())
    os._exit(0)  # a runtime that a bad file confused may crash on its way out


def limit() -> None:
    """No more than this of memory, of the CPU's time; little written, no core dumped.

    Addresses are not memory: what a process may write to is, so that is what the share holds for.
    """
    data = min(MEMORY, int(SHARE * available()))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    with suppress(OSError):  # where memory is short all the same, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000")


def available(table: Path = Path("/proc/meminfo")) -> int:
    """Bytes of memory that are free, by Linux; without limit where it does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in table.read_text().splitlines())
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError, IndexError):
        return MEMORY * 2


def given() -> Files:
    """The files on standard input."""
    head = json.loads(sys.stdin.buffer.readline())
    return {suffix: sys.stdin.buffer.read(length) for suffix, length in head.items()}


def tried(kind: str, path: Path, files: Files) -> dict[str, Any]:
    if kind == "yunet":
        from asmnet_edge.runtime.yunet import network_of

        network = network_of(path, files[path.suffix])
        network.setInputSize((320, 320))
        network.detect(np.full((320, 320, 3), 128, np.uint8))
        return {}
    return facts_of(path, open_backend(path, files=files))


def facts_of(path: Path, backend: InferenceBackend) -> dict[str, Any]:
    """Run ``backend`` on grey and on noise; `ModelError` unless it keeps the contract."""
    size = _size_by_trying(path, backend)
    noise = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    for crop in (np.full_like(noise, 128), noise):
        landmarks, pose = (np.array(output) for output in backend.run(crop))
        if landmarks.ndim != 2 or landmarks.shape[1] != 2 or pose.shape != (3,):
            shapes = f"{landmarks.shape} and {pose.shape}"
            raise ModelError(f"{path} gives {shapes} instead of landmarks (n, 2) and pose (3,)")
        if not (np.isfinite(landmarks).all() and np.isfinite(pose).all()):
            raise ModelError(f"{path} gives numbers that are not finite")
    return {"size": size, "points": len(landmarks)}


def _size_by_trying(path: Path, backend: InferenceBackend) -> int:
    for size in SIZES:
        try:
            backend.run(np.full((1, size, size, 3), 128, np.uint8))
        except Exception:  # each runtime has its own for a shape that is not its network's
            continue
        return size
    raise ModelError(f"{path} takes none of the crops that we know")


if __name__ == "__main__":
    main()
