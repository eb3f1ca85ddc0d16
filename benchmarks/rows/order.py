"""What a row is made of: a file, the runtime that runs it, threads and cores."""

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
class RowOrder:
    """One row to be measured.

    runtime : its package, as in `runtimes`, None for the file's usual one; cpus : cores that it is
    held to, empty for all; compared : whether it must descend from the run's float model; name :
    what its file is called where others are called the same
    """

    path: Path
    threads: int = 1
    runtime: str | None = None
    cpus: tuple[int, ...] = ()
    compared: bool = True
    name: str = ""

    @property
    def key(self) -> str:
        """What the row is called in messages and found again by in another record."""
        runtime = f" in {self.runtime}" if self.runtime else ""
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        return f"{self.name or self.path.name}{runtime}{threads}"


def orders_for(
    paths: Sequence[Path], runtimes: str, threads: Sequence[int], cpus: tuple[int, ...] = ()
) -> list[RowOrder]:
    """A row for each of ``paths`` in each runtime and number of threads.

    runtimes : ``usual``, ``all`` that are installed here, or the name of one
    """
    named = [row for path in paths for row in _in_runtimes(RowOrder(path, cpus=cpus), runtimes)]
    return [replace(order, threads=count) for order in named for count in threads]


def _in_runtimes(order: RowOrder, runtimes: str) -> Iterable[RowOrder]:
    known = runtimes_of(order.path)
    if runtimes == "usual" or not known:
        return [order]
    if runtimes == "all":
        there = [runtime for runtime in known if runtime.is_installed]
        return [replace(order, runtime=runtime.package) for runtime in there or known[:1]]
    every = sorted(runtime.package for runtime in all_runtimes())
    if runtimes not in every:
        raise UsageError(
            f"no runtime is called {runtimes!r}", f"Known: usual, all, {', '.join(every)}"
        )
    runs_it = any(runtime.package == runtimes for runtime in known)
    return [replace(order, runtime=runtimes)] if runs_it else [order]


def told_apart(orders: Iterable[RowOrder]) -> tuple[RowOrder, ...]:
    """``orders``, each once, with a key of its own; `UsageError` for a file that is given twice."""
    found = list(dict.fromkeys(orders))
    names = distinct_names([order.path for order in found])
    named = [replace(order, name=names[order.path]) for order in found]
    if twice := [key for key, n in Counter(order.key for order in named).items() if n > 1]:
        raise UsageError(f"{twice[0]} is given twice", "Give each file once")
    return tuple(named)


def distinct_names(paths: Iterable[Path]) -> dict[Path, str]:
    """What to call each file: its name, after as many folders as tell it from its namesakes."""
    full = {path: Path(os.path.abspath(path)).parts for path in paths}
    return {path: _shortest(parts, set(full.values()) - {parts}) for path, parts in full.items()}


def _shortest(parts: tuple[str, ...], others: Iterable[tuple[str, ...]]) -> str:
    lengths = range(1, len(parts))
    alike = (n for n in lengths if all(other[-n:] != parts[-n:] for other in others))
    return "/".join(parts[-next(alike, len(parts)) :])
