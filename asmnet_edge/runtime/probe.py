"""The child process of the sandbox, which limits itself and then runs one probe.

    python -P -m asmnet_edge.runtime.probe MODULE NAME SECONDS

MODULE is the dotted name of a module with a function ``probe(path, files)``, NAME the model's path,
SECONDS the limit of CPU time. Standard input holds a line of JSON, suffix -> length of each file,
and then their bytes. Prints one line of JSON: what ``probe`` returned, or an error.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from asmnet_edge.errors import AsmnetEdgeError

MEMORY = 6 * 2**30  # bytes of addresses; runtimes reserve far more than they use
SHARE = 0.75  # of the memory that is free when it starts
SECONDS = 60  # of CPU time, where the parent names no limit


def main() -> None:
    module, path, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    limit(seconds)
    answer = os.dup(1)  # runtimes print to standard output
    os.dup2(2, 1)
    try:
        facts: dict[str, Any] = importlib.import_module(module).probe(path, read_input())
    except AsmnetEdgeError as error:
        facts = {"error": error.message}
    except Exception as error:  # a bad file may make a runtime raise anything
        facts = {"error": f"{path} cannot be run: {error or type(error).__name__}"}
    os.write(answer, (json.dumps(facts) + "\n").encode())
    os._exit(0)  # a runtime that a bad file confused may crash on its way out


def limit(seconds: int = SECONDS) -> None:
    """Limit this process's memory, CPU time and written bytes, and switch core dumps off.

    Addresses are not memory; what a process may write to is, so the share holds for that.
    """
    data = min(MEMORY, int(SHARE * available()))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    with suppress(OSError):  # if memory runs short, this process is killed first
        Path("/proc/self/oom_score_adj").write_text("1000")


def available(table: Path = Path("/proc/meminfo")) -> int:
    """Return the bytes of memory that Linux reports as free; no limit where it reports nothing."""
    try:
        lines = dict(line.split(":", 1) for line in table.read_text().splitlines())
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError, IndexError):
        return MEMORY * 2


def read_input() -> dict[str, bytes]:
    """Read the model's files from standard input: suffix -> content."""
    head = json.loads(sys.stdin.buffer.readline())
    return {suffix: sys.stdin.buffer.read(length) for suffix, length in head.items()}


if __name__ == "__main__":
    main()
