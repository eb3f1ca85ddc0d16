"""Options of a benchmark run, checked at once, and the cases and plan that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.benchmarks.latency.plan import QUICK, RIGOROUS, LatencyPlan
from asmnet_edge.benchmarks.rows.order import Case, cases_for, with_distinct_keys
from asmnet_edge.cpu import usable_cores
from asmnet_edge.errors import ModelError, UsageError, require
from asmnet_edge.files import sha256
from asmnet_edge.shipped import SHIPPED_FLOATS, shipped

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.accuracy.facesource import FaceSource
    from asmnet_edge.data.sample import Dataset

DRAWN_FACES = 64
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class BenchmarkPlan:
    """What is measured.

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
    """Options of `run_benchmark`, as ``asmnet-edge benchmark run`` has them.

    artifacts : to measure; float_model : that they were made from, by default the shipped one;
    with_float : measure that too, where Keras is installed; beside : models of other origin
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
        """Return what to measure: float model, artifacts, models beside them."""
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

    def open_faces(self) -> FaceSource:
        """Open the faces to evaluate on: ``data``, or drawn faces."""
        from asmnet_edge.benchmarks.accuracy.facesource import source_of
        from asmnet_edge.data.catalog import open_dataset

        if self.data:
            dataset = open_dataset(self.data)
            return source_of(dataset, subset_of(dataset, self.subset), annotated=True)
        return source_of(open_dataset(f"synthetic:{DRAWN_FACES}"), "test", annotated=False)


def shipped_origin(artifacts: Sequence[Path]) -> Path:
    """Return the shipped float model that the first of ``artifacts`` was made from, else the first.

    What is wrong with an artifact is reported where it is opened.
    """
    from asmnet_edge.manifest import read_manifest

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
    from asmnet_edge.benchmarks.device.info import fastest_cpus

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
