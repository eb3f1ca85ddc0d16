"""Which artifact to ship, in which runtime with how many threads, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import label, told_apart
from asmnet_edge.benchmarks.report.notes import are_drawn
from asmnet_edge.errors import UsageError

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

    against : why it cannot be taken, empty if it can; doubts : what its figures leave open
    """

    row: Row
    device: str
    frame_ms: float
    against: tuple[str, ...]
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
    if len({_name(record) for record in chosen}) > 1:
        raise UsageError("the records are of several devices", "Choose one with --device")
    records_of = [record for record in chosen for _ in record.measured]
    rows = told_apart([row for record in chosen for row in record.measured])
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


def _judged(row: Row, record: BenchmarkRecord, needs: Needs) -> Judged:
    frame = frame_ms(row, needs.detect) * heat(row)
    against, doubts = _against(row, frame, needs), _doubts(row, record)
    return Judged(row, _name(record), frame, tuple(against), tuple(doubts))


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


def _against(row: Row, frame: float, needs: Needs) -> list[str]:
    reasons, budget = [], 1e3 / needs.fps
    if "error" in row:
        reasons.append(str(row["error"]))
    if frame > budget:
        reasons.append(f"{frame:.1f} ms a frame, {budget:.1f} are there at {needs.fps:g} fps")
    interval = (row.get("accuracy") or {}).get("nme_drop_interval")
    if not row.get("compared", True):
        reasons.append("measured beside, not made from the float model")
    elif interval is None:
        reasons.append("its NME drop is not known: measure with --data and the float model")
    elif interval[1] > needs.max_nme_drop:
        reasons.append(f"may lose {interval[1]:.3f} NME, {needs.max_nme_drop:g} are allowed")
    if needs.threads and (row.get("threads") or 0) > needs.threads:
        reasons.append(f"needs {row['threads']} threads")
    return reasons


def why(chosen: Judged, needs: Needs) -> list[str]:
    """The reasons for ``chosen`` in words."""
    row, threads = chosen.row, chosen.row.get("threads") or 1
    drop, interval = row["accuracy"]["nme_drop"], row["accuracy"]["nme_drop_interval"]
    what = "detection, crop, inference" if needs.detect else "crop and inference"
    lines = [
        f"{what}: {chosen.frame_ms:.1f} ms for nine frames of ten, {1e3 / chosen.frame_ms:.0f} fps",
        f"NME drop {drop:+.3f}, at most {interval[1]:+.3f}",
        f"{row['bytes'] / 1e6:.2f} MB, {row['runtime']}, {threads} thread"
        f"{'s' if threads > 1 else ''}",
    ]
    if heat(row) > 1:
        lines[0] += f"; {100 * (heat(row) - 1):.1f} % are added for heat"
    if "stages_ms" in row and not needs.detect:
        detect = row["stages_ms"]["detect"]["p50"]
        lines.append(f"finding a face anew costs {detect:.0f} ms more: track it in between")
    return lines + [f"~ {reason}" for reason in chosen.doubts]


def why_not(judged: Sequence[Judged]) -> list[str]:
    return [f"{label(each.row)}: {'; '.join(each.against)}" for each in judged if each.against]


def _name(record: BenchmarkRecord) -> str:
    device = record.content["device"]
    return str(device.get("board") or device["cpu"])


def _size(row: Row) -> int:
    """What has to be installed where that is known, else the file."""
    return int((row.get("cold_start") or {}).get("installed_bytes") or row["bytes"])
