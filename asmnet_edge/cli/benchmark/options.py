"""What ``benchmark run`` makes of its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.cli.models import shipped_origin
from asmnet_edge.cli.terminal import notes
from asmnet_edge.errors import UsageError, require

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.accuracy.facesource import FaceSource
    from asmnet_edge.benchmarks.rows.order import RowOrder
    from asmnet_edge.data.sample import Dataset

DRAWN_FACES = 64


def thread_counts(words: str, cores: int) -> list[int]:
    """``1``, ``1,2``, ``all`` or ``1..all``, which doubles from one to the other."""
    counts: list[int] = []
    for word in words.replace("all", str(cores)).split(","):
        first, _, last = word.partition("..")
        if not first.isdigit() or (last and not last.isdigit()) or not int(first):
            raise UsageError(f"--threads takes 1, 1,2, all or 1..all, got {words!r}")
        count = int(first)
        while count < int(last or first):
            counts.append(count)
            count *= 2
        counts.append(int(last or first))
    return list(dict.fromkeys(counts))


def cores_for(words: str, threads: int) -> tuple[int, ...]:
    """``any``, ``fastest`` or numbers such as ``0,1``; empty: whichever the system chooses."""
    from asmnet_edge.benchmarks.device.info import fastest_cpus

    if words == "any":
        return ()
    if words == "fastest":
        return fastest_cpus(threads)
    if not all(word.isdigit() for word in words.split(",")):
        raise UsageError(f"--cpus takes any, fastest or numbers such as 0,1, got {words!r}")
    return tuple(sorted({int(word) for word in words.split(",")}))


def row_orders(
    artifacts: tuple[Path, ...],
    beside: tuple[Path, ...],
    reference: Path | None,
    threads: str,
    cpus: str,
    runtimes: str,
) -> tuple[RowOrder, ...]:
    """The rows in their order: float model, artifacts, what is measured beside them."""
    from dataclasses import replace

    from asmnet_edge.benchmarks.rows.order import RowOrder, orders_for, told_apart
    from asmnet_edge.cpu import usable_cores

    counts = thread_counts(threads, usable_cores())
    first = [RowOrder(reference, count) for count in counts] if reference else []
    others = [replace(order, compared=False) for order in orders_for(beside, runtimes, counts)]
    found = [*first, *orders_for(artifacts, runtimes, counts), *others]
    return told_apart(replace(order, cpus=cores_for(cpus, order.threads)) for order in found)


def reference_path(given: Path | None, wanted: bool, artifacts: Sequence[Path]) -> Path | None:
    """The float model for the drops; none where Keras is not installed, as on most devices."""
    if not wanted:
        return None
    if given is None and util.find_spec("keras") is None:
        notes.print(
            "No float row: it needs Keras, as in asmnet-edge[train]. Drops are against a float32 "
            "artifact, if one is among the rows."
        )
        return None
    if util.find_spec("keras") is None:
        require("keras", "train")
    return given or shipped_origin(artifacts)


def subset_of(dataset: Dataset, wanted: str | None) -> str:
    """``wanted``; unasked ``common``, or the data set's only one."""
    return wanted or (dataset.subsets[0] if len(dataset.subsets) == 1 else "common")


def face_source(data: str | None, subset: str | None) -> Callable[[], FaceSource]:
    """Opens the faces to evaluate on: ``data``, or drawn faces."""

    def open_faces() -> FaceSource:
        from asmnet_edge.benchmarks.accuracy.facesource import source_of
        from asmnet_edge.data.catalog import open_dataset

        if data:
            dataset = open_dataset(data)
            return source_of(dataset, subset_of(dataset, subset), annotated=True)
        return source_of(open_dataset(f"synthetic:{DRAWN_FACES}"), "test", annotated=False)

    return open_faces


def duration(words: str) -> float:
    """Seconds of ``90``, ``90s``, ``30m`` or ``1h``."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (words[:-1], units[words[-1]]) if words[-1:] in units else (words, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise UsageError(f"a time is written 90, 90s, 30m or 1h, got {words!r}")
    return seconds
