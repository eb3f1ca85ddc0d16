"""Cases of a benchmark: a model file, the runtime that runs it, threads and cores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asmnet_edge.errors import UsageError
from asmnet_edge.formats import FLOAT_SUFFIX as FLOAT_SUFFIX
from asmnet_edge.formats import all_runtimes, runtimes_of

FOREIGN_SUFFIX = ".toml"


@dataclass(frozen=True)
class Case:
    """One row to measure.

    runtime : its package, as in `runtimes`, None for the file's usual one; cpus : cores that its
    process is pinned to, empty for any; compared : whether it must descend from the run's float
    model; name : of the file, with as many folders as tell it from its namesakes
    """

    path: Path
    threads: int = 1
    runtime: str | None = None
    cpus: tuple[int, ...] = ()
    compared: bool = True
    name: str = ""

    @property
    def key(self) -> str:
        """Name of the row in messages, in the record, and in comparisons with other records."""
        runtime = f" in {self.runtime}" if self.runtime else ""
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        return f"{self.name or self.path.name}{runtime}{threads}"

    @property
    def is_float_model(self) -> bool:
        return self.path.suffix == FLOAT_SUFFIX

    @property
    def is_foreign(self) -> bool:
        return self.path.suffix == FOREIGN_SUFFIX


def cases_for(
    paths: Sequence[Path], runtimes: str, threads: Sequence[int], cpus: tuple[int, ...] = ()
) -> list[Case]:
    """Return a case for each of ``paths`` in each runtime and number of threads.

    runtimes : ``usual``, ``all`` that are installed here, or the name of one
    """
    found = [case for path in paths for case in _in_runtimes(Case(path, cpus=cpus), runtimes)]
    return [replace(case, threads=count) for case in found for count in threads]


def _in_runtimes(case: Case, runtimes: str) -> Iterable[Case]:
    known = runtimes_of(case.path)
    if runtimes == "usual" or not known:
        return [case]
    if runtimes == "all":
        installed = [runtime for runtime in known if runtime.is_installed]
        return [replace(case, runtime=runtime.package) for runtime in installed or known[:1]]
    every = sorted(runtime.package for runtime in all_runtimes())
    if runtimes not in every:
        raise UsageError(
            f"no runtime is called {runtimes!r}", f"Known: usual, all, {', '.join(every)}"
        )
    runs_it = any(runtime.package == runtimes for runtime in known)
    return [replace(case, runtime=runtimes)] if runs_it else [case]


def with_distinct_keys(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return ``cases``, each once, with unique keys; `UsageError` for a file that occurs twice."""
    found = list(dict.fromkeys(cases))
    names = distinct_names([case.path for case in found])
    named = [replace(case, name=names[case.path]) for case in found]
    if twice := [key for key, n in Counter(case.key for case in named).items() if n > 1]:
        raise UsageError(f"{twice[0]} is given twice", "Give each file once")
    return tuple(named)


def distinct_names(paths: Iterable[Path]) -> dict[Path, str]:
    """Return a name for each file: its own, after as many folders as tell it from namesakes."""
    full = {path: Path(os.path.abspath(path)).parts for path in paths}
    return {path: _shortest(parts, set(full.values()) - {parts}) for path, parts in full.items()}


def _shortest(parts: tuple[str, ...], others: Iterable[tuple[str, ...]]) -> str:
    lengths = range(1, len(parts))
    unique = (n for n in lengths if all(other[-n:] != parts[-n:] for other in others))
    return "/".join(parts[-next(unique, len(parts)) :])
