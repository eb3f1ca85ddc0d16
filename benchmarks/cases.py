"""Options of a benchmark run, and its cases: a model file, a runtime, threads and cores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.errors import ModelError, UsageError, require
from asmnet_edge.formats import FLOAT_SUFFIX, all_runtimes, runtimes_of
from asmnet_edge.io.files import SHIPPED_FLOATS, file_or_shipped, sha256, shipped
from asmnet_edge.io.system import usable_cores

if TYPE_CHECKING:
    from asmnet_edge.datasets.sample import Dataset

FOREIGN_SUFFIX = ".toml"


@dataclass(frozen=True)
class Case:
    """One row of a benchmark, to be measured.

    runtime : its package, as in `all_runtimes`, None for the file's usual one
    cpus : cores that its process is pinned to, empty for any; compared : whether it must descend
    from the run's float model; name : of the file, with as many folders as make it unique
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
    """Return a name for each file: its own, after as many folders as make it unique."""
    full = {path: Path(os.path.abspath(path)).parts for path in paths}
    return {path: _shortest(parts, set(full.values()) - {parts}) for path, parts in full.items()}


def _shortest(parts: tuple[str, ...], others: Iterable[tuple[str, ...]]) -> str:
    lengths = range(1, len(parts))
    unique = (n for n in lengths if all(other[-n:] != parts[-n:] for other in others))
    return "/".join(parts[-next(unique, len(parts)) :])


# How long to measure, and how a case is warmed up


@dataclass(frozen=True)
class LatencyPlan:
    """At least ``queries`` calls *and* ``seconds`` of calling for each case, in ``rounds``.

    warmup_seconds : after which a case is measured even if it is not steady yet
    cold_starts : fresh processes in which the first landmark is timed
    stage_calls : pictures that go through all stages, decode to landmarks
    seed : of the order of the cases, which is random in each round
    """

    queries: int = 200
    seconds: float = 2.0
    rounds: int = 12
    warmup_seconds: float = 3.0
    cold_starts: int = 3
    stage_calls: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        if self.queries < 1 or self.rounds < 1 or min(self.seconds, self.warmup_seconds) < 0:
            raise UsageError(f"a latency plan needs queries, rounds >= 1 and times >= 0: {self}")

    def lengthened(self, queries: int | None, seconds: float | None) -> LatencyPlan:
        """Return this plan with ``queries`` and ``seconds`` replaced where they are given."""
        return replace(
            self,
            queries=self.queries if queries is None else queries,
            seconds=self.seconds if seconds is None else seconds,
        )

    @property
    def turn(self) -> tuple[int, float]:
        """Calls and seconds of one case in one round."""
        return -(-self.queries // self.rounds), self.seconds / self.rounds


QUICK = LatencyPlan()
# as many queries as MLPerf Inference asks of a single stream at least, and a minute
RIGOROUS = LatencyPlan(1024, 60.0, 20, 15.0, cold_starts=10, stage_calls=120)


# Options of a benchmark run, checked at once, and the cases and plan that they stand for

DRAWN_FACES = 64
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class BenchmarkPlan:
    """Cases, faces and settings of a run.

    cases : the rows; sustain : seconds of sustained load for each; pictures : keep the faces that
    int8 moved most
    """

    cases: tuple[Case, ...]
    latency: LatencyPlan = QUICK
    sustain: float = 0.0
    pictures: bool = False
    kind: str = "quick"


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions:
    """Options of `run_benchmark`, the same as of ``asmnet-edge benchmark run``.

    artifacts : files to measure; the name of a shipped one will do
    float_model : file that they were made from, by default the shipped one; with_float : measure it
    too, where Keras is installed, for accuracy drops; beside : files of models of other origin
    data, subset : annotated faces as ``KIND:PATH``, by default drawn ones
    threads : ``1``, ``1,2``, ``all`` or ``1..all``; cpus : ``any``, ``fastest`` or numbers such as
    ``0,1``; runtimes : ``usual``, ``all`` or one by name
    queries, seconds : of each case at least; sustain : a time such as ``30m``; cold : measure cold
    starts; pictures : keep portraits
    """

    artifacts: tuple[Path, ...] = ()
    float_model: Path | None = None
    with_float: bool = True
    beside: tuple[Path, ...] = ()
    data: str | None = None
    subset: str | None = None
    threads: str = "1"
    cpus: str = "any"
    runtimes: str = "usual"
    rigorous: bool = False
    queries: int | None = None
    seconds: float | None = None
    sustain: str | None = None
    cold: bool = True
    pictures: bool = False

    def __post_init__(self) -> None:
        for name in ("artifacts", "beside"):
            paths = tuple(file_or_shipped(Path(path)) for path in getattr(self, name))
            object.__setattr__(self, name, paths)
        if not self.artifacts and not self.beside and not self.float_model:
            cure = "Give artifacts, --beside, --float-model"
            raise UsageError("there is nothing to benchmark", cure)
        thread_counts(self.threads, 1)
        pinned_cores(self.cpus, 1)
        duration(self.sustain or "0")

    @property
    def lacks_keras(self) -> bool:
        """Whether the float model is left out because Keras, which it needs, is not installed."""
        needed = self.with_float and self.float_model is None
        return needed and util.find_spec("keras") is None

    def reference_path(self) -> Path | None:
        """Return the float model for the drops; None where it is not wanted or Keras is missing."""
        if not self.with_float or self.lacks_keras:
            return None
        if util.find_spec("keras") is None:
            require("keras", "train")
        return self.float_model or shipped_origin(self.artifacts)

    def plan(self) -> BenchmarkPlan:
        """Return the plan of the run: float model, artifacts, models beside them."""
        base = RIGOROUS if self.rigorous else QUICK
        latency = base.lengthened(self.queries, self.seconds)
        if not self.cold:
            latency = replace(latency, cold_starts=0)
        kind = "rigorous" if self.rigorous else "quick"
        sustain = duration(self.sustain or "0")
        return BenchmarkPlan(self._cases(), latency, sustain, self.pictures, kind)

    def _cases(self) -> tuple[Case, ...]:
        reference, counts = self.reference_path(), thread_counts(self.threads, usable_cores())
        first = [Case(reference, count) for count in counts] if reference else []
        beside = cases_for(self.beside, self.runtimes, counts)
        others = [replace(case, compared=False) for case in beside]
        found = [*first, *cases_for(self.artifacts, self.runtimes, counts), *others]
        return with_distinct_keys(
            replace(case, cpus=pinned_cores(self.cpus, case.threads)) for case in found
        )


def shipped_origin(artifacts: Sequence[Path]) -> Path:
    """Return the shipped float model that the first of ``artifacts`` was made from, else the first.

    What is wrong with an artifact is reported where it is opened.
    """
    from asmnet_edge.io.manifest import read_manifest

    wanted = ""
    with suppress(ModelError):
        wanted = read_manifest(artifacts[0]).source_sha256 if artifacts else ""
    floats = [shipped(name) for name in SHIPPED_FLOATS]
    return next((path for path in floats if sha256(path) == wanted), floats[0])


def thread_counts(text: str, cores: int) -> list[int]:
    """Parse ``1``, ``1,2``, ``all`` or ``1..all``, which doubles from one to the other."""
    counts: list[int] = []
    for word in text.replace("all", str(cores)).split(","):
        first, _, last = word.partition("..")
        if not first.isdigit() or (last and not last.isdigit()) or not int(first):
            raise UsageError(f"--threads takes 1, 1,2, all or 1..all, got {text!r}")
        count = int(first)
        while count < int(last or first):
            counts.append(count)
            count *= 2
        counts.append(int(last or first))
    return list(dict.fromkeys(counts))


def pinned_cores(text: str, threads: int) -> tuple[int, ...]:
    """Parse ``any``, ``fastest`` or numbers such as ``0,1``; empty: the system chooses."""
    from asmnet_edge.benchmarks.machine import fastest_cpus

    if text == "any":
        return ()
    if text == "fastest":
        return fastest_cpus(threads)
    if not all(word.isdigit() for word in text.split(",")):
        raise UsageError(f"--cpus takes any, fastest or numbers such as 0,1, got {text!r}")
    return tuple(sorted({int(word) for word in text.split(",")}))


def subset_of(dataset: Dataset, wanted: str | None) -> str:
    """Return ``wanted``, by default ``common`` or the data set's only subset."""
    return wanted or (dataset.subsets[0] if len(dataset.subsets) == 1 else "common")


def duration(text: str) -> float:
    """Parse ``90``, ``90s``, ``30m`` or ``1h`` to seconds."""
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise UsageError(f"a time is written 90, 90s, 30m or 1h, got {text!r}")
    return seconds
