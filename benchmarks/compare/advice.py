"""The choice of what to ship, in words: reasons for it, against the others, or what would do."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from asmnet_edge.benchmarks.compare.recommend import (
    Judged,
    Needs,
    best,
    heat,
    most_lost,
    nearest,
    rounded_up,
)


def advice(judged: Sequence[Judged], needs: Needs) -> list[str]:
    """Return lines to print: what to ship first, or what comes nearest; then the others."""
    chosen, near = best(judged), nearest(judged, needs)
    lines = []
    if chosen:
        lines = [f"Ship {chosen.row.key} on {chosen.device}:"]
        lines += [f"  {line}" for line in why(chosen, needs)]
    elif near:
        lines = [f"Nearest: {near.row.key} on {near.device}"]
        lines += [f"  no: {words}" for words in near.against]
        lines += [f"  yes: {words}" for words in near.met]
    return lines + why_not([each for each in judged if each is not (chosen or near)])


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
        return "Measure artifacts of one float model, with it and with --data"
    fps, threads = 1e3 / near.frame_ms, near.row.threads or 1
    words = [f"--fps {min(needs.fps, floor(fps) if fps >= 1 else floor(1e3 * fps) / 1e3):g}"]
    words += [f"--max-nme-drop {max(needs.max_nme_drop, rounded_up(most_lost(near.row) or 0)):g}"]
    words += [f"--max-threads {max(needs.threads, threads)}"] if needs.threads else []
    return f"{near.row.key} would do for {' '.join(words)}"


def why_not(judged: Sequence[Judged]) -> list[str]:
    """Return a line for each row that misses a need."""
    return [f"not {j.label}: {'; '.join(j.against)}" for j in judged if j.against]
