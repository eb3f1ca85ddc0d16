"""Choice of the artifact to ship, with runtime and threads, and the reasons against the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from asmnet_edge.benchmarks.record_types import CaseResult, RecordContent
from asmnet_edge.benchmarks.report.cells import labelled
from asmnet_edge.errors import UsageError

DUST = 1e-9  # points of NME that sums in floating point may be off
HARDLY = 0.01  # points of NME: smaller allowances count as this when a miss is measured
ALIKE = 0.10  # rows whose frame times differ by less are chosen by size instead


@dataclass(frozen=True)
class Needs:
    """Requirements of an application.

    fps : frames a second, nine of ten in time; max_nme_drop : points that may be lost at most, by
    the upper end of the 95 % interval; detect : a detector on every frame, not only at the start;
    threads : at most so many, None for any number
    """

    fps: float = 30.0
    max_nme_drop: float = 0.05
    detect: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class Judged:
    """A row, and the ms of one frame with it, when it is hot where that is known.

    label : short unique name; against : needs that it misses, empty if it can be shipped; met :
    needs that it meets; doubts : reasons to distrust its figures
    """

    row: CaseResult
    label: str
    device: str
    frame_ms: float
    against: tuple[str, ...]
    met: tuple[str, ...]
    doubts: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        names = ("key", "file", "runtime", "threads", "cpus", "bytes")
        facts = {name: getattr(self.row, name) for name in names}
        judged = ("device", "frame_ms", "against", "met", "doubts")
        return {**{name: getattr(self, name) for name in judged}, **facts}


def judge(records: Sequence[RecordContent], needs: Needs, device: str | None) -> list[Judged]:
    """Judge every artifact row of the records of ``device`` (part of its board's or CPU's name)."""
    chosen = [r for r in records if device is None or device.lower() in r.device.name.lower()]
    if not chosen:
        there = "; ".join(sorted({record.device.name for record in records}))
        raise UsageError(f"no record is of a device like {device!r}", f"There are: {there}")
    if len(names := sorted({record.device.name for record in chosen})) > 1:
        raise UsageError(f"the records are of {'; '.join(names)}", "Choose one with --device")
    pairs = [(case, record) for record in chosen for case in record.measured]
    rows = labelled([case for case, _ in pairs])
    return [
        _judged(row.case, row.label, record, needs)
        for row, (_, record) in zip(rows, pairs, strict=True)
        if row.case.format != "keras"
    ]


def best(judged: Sequence[Judged]) -> Judged | None:
    """Return the fastest that fits; among those about as fast, a steady one, then the one with the
    fewest threads, then the smallest.
    """
    fit = [each for each in judged if not each.against]
    if not fit:
        return None
    quickest = min(each.frame_ms for each in fit)
    alike = [each for each in fit if each.frame_ms <= (1 + ALIKE) * quickest]
    return min(alike, key=_rank)


def _rank(judged: Judged) -> tuple[float, ...]:
    row = judged.row
    return bool(row.unsteady), row.threads or 0, _size(row), judged.frame_ms


def nearest(judged: Sequence[Judged], needs: Needs) -> Judged | None:
    """Return the row whose worst miss is the smallest; None where no row can be shipped at all."""
    usable = [each for each in judged if _usable(each)]
    return min(usable, key=lambda each: (_miss(each, needs), each.frame_ms), default=None)


def _usable(judged: Judged) -> bool:
    row = judged.row
    return row.error is None and row.descends_from_float_model and most_lost(row) is not None


def _miss(judged: Judged, needs: Needs) -> float:
    """Factor by which the need is missed that is missed most; 1 if none is."""
    slow = judged.frame_ms * needs.fps / 1e3
    lossy = (most_lost(judged.row) or 0) / max(needs.max_nme_drop, HARDLY)
    broad = (judged.row.threads or 1) / needs.threads if needs.threads else 1.0
    return max(1.0, slow, lossy, broad)


def _judged(row: CaseResult, label: str, record: RecordContent, needs: Needs) -> Judged:
    frame = frame_ms(row, needs.detect) * heat(row)
    checks = list(_checked(row, frame, needs))
    against, met = (
        tuple(words for fits, words in checks if fits is wanted) for wanted in (False, True)
    )
    doubts = tuple(_doubts(row, record))
    return Judged(row, label, record.device.name, frame, against, met, doubts)


def heat(row: CaseResult) -> float:
    """Ratio of the latency at the end of ``--sustain`` to that at its start; 1 if it is unknown.

    Never below 1: heat makes nothing faster.
    """
    sustained = row.sustained
    return max(1.0, sustained.last_p50 / sustained.first_p50) if sustained else 1.0


def _doubts(row: CaseResult, record: RecordContent) -> list[str]:
    lines = list(row.unsteady or ())
    if not row.sustained:
        lines.append("never sustained: heat may slow it down, see benchmark run --sustain")
    if record.interrupted:
        lines.append("its run was interrupted")
    return lines + (["measured on drawn faces"] if record.settings.faces.are_drawn else [])


def frame_ms(row: CaseResult, detect: bool) -> float:
    """Return the ms that nine of ten frames of a video take at most, of one followed face.

    That is one crop, one inference and landmarks back to the picture: the stage ``track``. Records
    from before it have p90 of the latency and of the stages crop and restore, of one crop then.
    The sum of each stage's p90 is rather too much than too little.
    """
    stages = row.stages_ms or {}
    found = stages["detect"].p90 if detect and "detect" in stages else 0.0
    if "track" in stages:
        return stages["track"].p90 + found
    around = sum(stages[part].p90 for part in ("crop", "restore") if part in stages)
    return row.latency.p90 + around + found


def _checked(row: CaseResult, frame: float, needs: Needs) -> Iterator[tuple[bool, str]]:
    """Yield for each need whether ``row`` meets it, and how far, in words."""
    budget, threads = 1e3 / needs.fps, row.threads or 1
    if row.error is not None:
        yield False, row.error
    yield frame <= budget, f"{frame:.1f} ms a frame, {budget:.1f} are there at {needs.fps:g} fps"
    most = most_lost(row)
    if not row.descends_from_float_model:
        yield False, "measured with --beside: not converted from the float model"
    elif most is None:
        yield False, "its NME drop is not known: measure with --data and the float model"
    else:
        fits = most <= needs.max_nme_drop + DUST
        yield fits, f"may lose {rounded_up(most):.3f} NME, {needs.max_nme_drop:g} are allowed"
    if needs.threads:
        few = threads <= needs.threads
        yield few, f"threads: {threads}, {needs.threads} allowed"


def most_lost(row: CaseResult) -> float | None:
    """Upper end of the interval of the NME drop; None where it is not known."""
    interval = row.accuracy.nme_drop_interval if row.accuracy else None
    return interval[1] if interval else None


def rounded_up(points: float) -> float:
    """Round to thousandths, never down."""
    return ceil(1e3 * (points - DUST)) / 1e3


def _size(row: CaseResult) -> int:
    """Bytes of all that has to be installed where they are known, else of the file."""
    return (row.cold_start.installed_bytes if row.cold_start else 0) or row.bytes or 0


# The choice of what to ship, in words: reasons for it, against the others, or what would do


def advice(judged: Sequence[Judged], needs: Needs) -> list[str]:
    """Return lines to print: first the row to ship, or the nearest one, then the others."""
    chosen = best(judged)
    if chosen is None:
        return _without_match(judged, needs)
    lines = [f"Ship {chosen.row.key} on {chosen.device}:"]
    lines += [f"  {line}" for line in why(chosen, needs)]
    return lines + _others(judged, chosen)


def _without_match(judged: Sequence[Judged], needs: Needs) -> list[str]:
    """What the needs are, which row comes nearest, what would do, and what the others miss."""
    near = nearest(judged, needs)
    lines = [f"Nothing meets the needs: {', '.join(in_words(needs))}."]
    if near:
        lines.append(f"{near.row.key} on {near.device} comes nearest:")
        lines += [f"  misses: {words}" for words in near.against]
        lines += [f"  meets: {words}" for words in near.met]
    return [*lines, f"{what_would(near, needs)}.", *_others(judged, near)]


def in_words(needs: Needs) -> list[str]:
    """Return each of ``needs`` as it stands after a colon."""
    threads = needs.threads
    return [
        f"{needs.fps:g} frames a second{' with a detection in each' * needs.detect}",
        f"at most {needs.max_nme_drop:g} points of NME lost",
        *([f"at most {threads} thread{'s' * (threads > 1)}"] if threads else []),
    ]


def _others(judged: Sequence[Judged], named: Judged | None) -> list[str]:
    lines = why_not([each for each in judged if each is not named])
    return ["Others:", *(f"  {line}" for line in lines)] if lines else []


def why(chosen: Judged, needs: Needs) -> list[str]:
    """Return the reasons for ``chosen`` in words."""
    row, threads = chosen.row, chosen.row.threads or 1
    drop = row.accuracy.nme_drop if row.accuracy else None
    what = "detection, crop, inference" if needs.detect else "crop and inference"
    lines = [
        f"{what}: {chosen.frame_ms:.1f} ms for nine frames of ten, {1e3 / chosen.frame_ms:.0f} fps",
        f"NME drop {drop or 0:+.3f}, at most {most_lost(row) or 0:+.3f}",
        f"{(row.bytes or 0) / 1e6:.2f} MB, {row.runtime}, {threads} thread"
        f"{'s' if threads > 1 else ''}",
    ]
    if heat(row) > 1:
        lines[0] += f"; {100 * (heat(row) - 1):.1f} % are added for heat"
    if row.stages_ms and not needs.detect:
        detect = row.stages_ms["detect"].p50
        lines.append(f"finding a face anew costs {detect:.0f} ms more: track it in between")
    return lines + [f"~ {reason}" for reason in chosen.doubts]


def what_would(near: Judged | None, needs: Needs) -> str:
    """Return advice where nothing meets ``needs``: the nearest options that ``near`` meets."""
    if near is None:
        return "To choose, measure artifacts together with their float model and with --data"
    fps, threads = 1e3 / near.frame_ms, near.row.threads or 1
    words = [f"--fps {min(needs.fps, floor(fps) if fps >= 1 else floor(1e3 * fps) / 1e3):g}"]
    words += [f"--max-nme-drop {max(needs.max_nme_drop, rounded_up(most_lost(near.row) or 0)):g}"]
    words += [f"--max-threads {max(needs.threads, threads)}"] if needs.threads else []
    return f"It would do for {' '.join(words)}"


def why_not(judged: Sequence[Judged]) -> list[str]:
    """Return a line for each row that misses a need."""
    return [f"{j.label}: {'; '.join(j.against)}" for j in judged if j.against]
