"""Which artifact to ship, in which runtime with how many threads, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import with_labels
from asmnet_edge.benchmarks.report.notes import are_drawn
from asmnet_edge.errors import UsageError

DUST = 1e-9  # points of NME that sums in floating point may be off
HARDLY = 0.01  # points of NME: who allows less is not missed by more
ALIKE = 0.10  # rows whose frame times differ by less are told apart by size instead
Row = dict[str, Any]


@dataclass(frozen=True)
class Needs:
    """fps : frames a second, nine of ten in time; max_nme_drop : points that may be lost at most,
    by the upper end of the 95 % interval; detect : a detector on every frame, not only to begin
    with; threads : at most so many, None for any number
    """

    fps: float = 30.0
    max_nme_drop: float = 0.05
    detect: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class Judged:
    """A row, and what one frame costs with it in ms, when it is hot where that is known.

    against : why it cannot be taken, empty if it can; met : the needs that it does meet; doubts :
    what its figures leave open
    """

    row: Row
    device: str
    frame_ms: float
    against: tuple[str, ...]
    met: tuple[str, ...]
    doubts: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        names = ("key", "file", "runtime", "threads", "cpus", "bytes")
        facts = {name: self.row.get(name) for name in names}
        return {**{k: v for k, v in asdict(self).items() if k != "row"}, **facts}


def judge(records: Sequence[BenchmarkRecord], needs: Needs, device: str | None) -> list[Judged]:
    """Every artifact row of the records of ``device`` (part of its board's or CPU's name)."""
    chosen = [r for r in records if device is None or device.lower() in _name(r).lower()]
    if not chosen:
        there = "; ".join(sorted({_name(record) for record in records}))
        raise UsageError(f"no record is of a device like {device!r}", f"There are: {there}")
    if len(names := sorted({_name(record) for record in chosen})) > 1:
        raise UsageError(f"the records are of {'; '.join(names)}", "Choose one with --device")
    records_of = [record for record in chosen for _ in record.measured]
    rows = with_labels([row for record in chosen for row in record.measured])
    pairs = zip(rows, records_of, strict=True)
    return [_judged(row, of, needs) for row, of in pairs if row.get("format") != "keras"]


def best(judged: Sequence[Judged]) -> Judged | None:
    """The quickest that fits; among those about as quick, a steady one, then that with the fewest
    threads, then the smallest.
    """
    fit = [each for each in judged if not each.against]
    if not fit:
        return None
    quickest = min(each.frame_ms for each in fit)
    alike = [each for each in fit if each.frame_ms <= (1 + ALIKE) * quickest]
    return min(alike, key=_rank)


def _rank(judged: Judged) -> tuple[float, ...]:
    row = judged.row
    return bool(row["unsteady"]), row.get("threads") or 0, _size(row), judged.frame_ms


def nearest(judged: Sequence[Judged], needs: Needs) -> Judged | None:
    """That whose worst miss is the least; None where none could do whatever the needs."""
    usable = [each for each in judged if _usable(each)]
    return min(usable, key=lambda each: (_miss(each, needs), each.frame_ms), default=None)


def _usable(judged: Judged) -> bool:
    row = judged.row
    return "error" not in row and row.get("compared", True) and most_lost(row) is not None


def _miss(judged: Judged, needs: Needs) -> float:
    """By what factor the need is missed that is missed most; 1 if none is."""
    slow = judged.frame_ms * needs.fps / 1e3
    lossy = (most_lost(judged.row) or 0) / max(needs.max_nme_drop, HARDLY)
    broad = (judged.row.get("threads") or 1) / needs.threads if needs.threads else 1.0
    return max(1.0, slow, lossy, broad)


def _judged(row: Row, record: BenchmarkRecord, needs: Needs) -> Judged:
    frame = frame_ms(row, needs.detect) * heat(row)
    told = list(_held_against(row, frame, needs))
    against, met = (
        tuple(words for fits, words in told if fits is wanted) for wanted in (False, True)
    )
    return Judged(row, _name(record), frame, against, met, tuple(_doubts(row, record)))


def heat(row: Row) -> float:
    """How much longer calls took at the end of ``--sustain`` than at first; 1 if that is unknown.

    Never below 1: nothing is quicker for being hot.
    """
    told = row.get("sustained")
    return max(1.0, float(told["last_p50"] / told["first_p50"])) if told else 1.0


def _doubts(row: Row, record: BenchmarkRecord) -> list[str]:
    lines = list(row["unsteady"])
    if not row.get("sustained"):
        lines.append("never sustained: heat may slow it down, see benchmark run --sustain")
    if record.content["interrupted"]:
        lines.append("its run was interrupted")
    return lines + (["measured on drawn faces"] if are_drawn(record) else [])


def frame_ms(row: Row, detect: bool) -> float:
    """What nine of ten frames cost at most: crop, inference, landmarks back to the picture.

    The sum of each stage's p90, which is rather too much than too little.
    """
    stages = row.get("stages_ms") or {}
    parts = ("crop", "restore", *(("detect",) if detect else ()))
    return float(row["latency_ms"]["p90"] + sum(stages[p]["p90"] for p in parts if p in stages))


def _held_against(row: Row, frame: float, needs: Needs) -> Iterator[tuple[bool, str]]:
    """Each need: whether ``row`` meets it, and in words how far."""
    budget, threads = 1e3 / needs.fps, row.get("threads") or 1
    if "error" in row:
        yield False, str(row["error"])
    yield frame <= budget, f"{frame:.1f} ms a frame, {budget:.1f} are there at {needs.fps:g} fps"
    most = most_lost(row)
    if not row.get("compared", True):
        yield False, "measured beside, not made from the float model"
    elif most is None:
        yield False, "its NME drop is not known: measure with --data and the float model"
    else:
        fits = most <= needs.max_nme_drop + DUST
        yield fits, f"may lose {rounded_up(most):.3f} NME, {needs.max_nme_drop:g} are allowed"
    if needs.threads:
        few = threads <= needs.threads
        yield few, f"threads: {threads}, {needs.threads} allowed"


def most_lost(row: Row) -> float | None:
    """Upper end of the interval of the NME drop; None where that is not known."""
    interval = (row.get("accuracy") or {}).get("nme_drop_interval")
    return float(interval[1]) if interval else None


def rounded_up(points: float) -> float:
    """To thousandths, never to less than it is."""
    return ceil(1e3 * (points - DUST)) / 1e3


def _name(record: BenchmarkRecord) -> str:
    device = record.content["device"]
    return str(device.get("board") or device["cpu"])


def _size(row: Row) -> int:
    """What has to be installed where that is known, else the file."""
    return int((row.get("cold_start") or {}).get("installed_bytes") or row["bytes"])
