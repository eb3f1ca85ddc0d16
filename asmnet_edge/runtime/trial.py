"""The process in which a file that nobody vouches for is loaded: see `asmnet_edge.runtime.trust`.

    python -m asmnet_edge.runtime.trial ARTIFACT

Prints one line of JSON: the size and points of a network that keeps the contract, or an error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.errors import AsmnetEdgeError, ModelError
from asmnet_edge.runtime.backend import InferenceBackend, open_backend
from asmnet_edge.runtime.trust import MEMORY, SECONDS

SIZES = (224, 192, 160, 128, 112, 96, 64)  # sides of crops, tried where a runtime does not tell


def main() -> None:
    limit()
    path = Path(sys.argv[1])
    answer = os.dup(1)  # runtimes print to standard output
    os.dup2(2, 1)
    try:
        facts = facts_of(path, open_backend(path))
    except AsmnetEdgeError as error:
        facts = {"error": error.message}
    except Exception as error:  # a stranger's file may make a runtime raise anything
        facts = {"error": f"{path} cannot be run: {error or type(error).__name__}"}
    os.write(answer, (json.dumps(facts) + "\n").encode())
    os._exit(0)  # a runtime that a bad file confused may crash on its way out


def limit() -> None:
    """No more than this of addresses, of the CPU's time; nothing written, no core dumped."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))


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
