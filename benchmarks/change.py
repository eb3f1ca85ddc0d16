"""Differences between two records: changes of figures with intervals and verdicts, and settings.

A latency counts as changed when its ratio is beyond the threshold, its 95 % interval excludes 1,
and both still hold after dividing by how much the machine itself changed: the fixed piece of work
that is timed beside every round (`timing.yardstick`). Otherwise the verdict is unsure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.latency_statistics import Latency, drawn_rounds, level_of, resampled
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.geometry import metrics

SAME, WORSE, BETTER, UNSURE = "same", "worse", "better", "unsure"
LATENCY = "p50 ms"  # the figure
FEWEST = 3  # rounds, for an interval
MATTERS = 0.2  # of the threshold: a machine that drifts by less neither makes nor hides a change
Ratio = tuple[float, float, float]  # after over before, and its 95 % interval


@dataclass(frozen=True)
class Change:
    """A figure of one row in two records.

    by : change, in % for latencies, in points for accuracy; low, high : its 95 % interval, None
    where there is none
    verdict : `SAME`, `WORSE`, `BETTER` or `UNSURE`; why : in words where that needs any
    """

    row: str
    figure: str
    before: float
    after: float
    by: float
    low: float | None
    high: float | None
    verdict: str
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self, by: float) -> str:
        """Return ``by`` in the unit of this figure's changes."""
        return f"{by:+.1f} %" if self.figure == LATENCY else f"{by:+.3f}"


def latency_change(before: CaseResult, after: CaseResult, threshold: float, paired: bool) -> Change:
    """Compare p50 of two rows, both measured.

    threshold : relative change that counts; paired : they took turns in one run
    """
    first, second = (Latency.of(case.latency.rounds) for case in (before, after))
    p50s, key = (first.percentile(50), second.percentile(50)), after.key
    if min(len(first.rounds), len(second.rounds)) < FEWEST:
        by = 100 * (p50s[1] / p50s[0] - 1)
        return Change(key, LATENCY, *p50s, by, None, None, UNSURE, "fewer than three rounds")
    machine = 1.0 if paired else _that_matters(machine_ratio(before, after), threshold)
    ratios = _ratios(first, second, paired)
    verdict, why = judged(ratios["p50"], ratios["p10"], machine, threshold)
    by, low, high = (100 * (value - 1) for value in ratios["p50"])
    return Change(key, LATENCY, *p50s, by, low, high, verdict, why)


def machine_ratio(before: CaseResult, after: CaseResult) -> float:
    """Ratio of the times of the fixed piece of work; 1 where a record does not have them."""
    first, second = (
        [note.yardstick_ms for note in case.latency.notes if note.yardstick_ms]
        for case in (before, after)
    )
    return float(np.median(second) / np.median(first)) if first and second else 1.0


def _that_matters(machine: float, threshold: float) -> float:
    return machine if abs(machine - 1) > MATTERS * threshold else 1.0


def _ratios(first: Latency, second: Latency, paired: bool) -> dict[str, Ratio]:
    """Bootstrap the ratios of p10 and p50 over rounds, the same ones of both if they took turns.

    The interval is widened as for one row of as many rounds as the shorter of the two has, which
    is a little too much where they did not take turns.
    """
    level = level_of(min(len(first.rounds), len(second.rounds)))
    found = {p: second.percentile(p) / first.percentile(p) for p in (10, 50)}
    paired = paired and len(first.rounds) == len(second.rounds)
    draws = drawn_rounds(len(first.rounds)), drawn_rounds(len(second.rounds), 0 if paired else 1)
    drawn = [resampled(each, draw) for each, draw in zip((first, second), draws, strict=True)]
    ratios = {}
    for p, ratio in found.items():
        low, high = np.percentile(drawn[1][f"p{p}"] / drawn[0][f"p{p}"], level)
        ratios[f"p{p}"] = (ratio, float(low), float(high))
    return ratios


def judged(p50: Ratio, p10: Ratio, machine: float, threshold: float) -> tuple[str, str]:
    """Return verdict and reason. Other processes disturb slow calls first and quick ones last.

    So a change must be seen in the quickest tenth too, and alone there it counts where the median
    is too blurred to show it.
    """
    middle, quick = _direction(p50, machine, threshold), _direction(p10, machine, threshold)
    blurred = p50[2] - p50[1] > 2 * threshold
    if middle == UNSURE:
        return UNSURE, _drifted(p50, machine, threshold)
    if quick == UNSURE:
        return UNSURE, f"of its quickest tenth, {_drifted(p10, machine, threshold)}"
    if middle == quick == SAME and min(p50[2], p10[2]) > 1 + 2 * threshold:
        return UNSURE, "too disturbed: a change could hide in its interval"
    if middle == quick:
        return middle, ""
    if quick == SAME:
        return UNSURE, "only its slower calls changed: disturbed, or something rare"
    if middle == SAME and blurred:
        return quick, f"by its quickest tenth, {100 * (p10[0] - 1):+.1f} %; the rest was disturbed"
    return (SAME, "") if middle == SAME else (UNSURE, "quick and slow calls disagree")


def _direction(ratio: Ratio, machine: float, threshold: float) -> str:
    """Verdict if it is the same with and without the change of the machine, else unsure."""
    raw = _beyond(ratio, 1.0, threshold)
    return raw if raw == _beyond(ratio, machine, threshold) else UNSURE


def _drifted(ratio: Ratio, machine: float, threshold: float) -> str:
    """Explain a verdict by a machine that took ``machine`` times as long for the same work.

    A change that it explains has its direction; one that it hides would have the other.
    """
    work = f"a fixed piece of work took {100 * (machine - 1):+.1f} %"
    if _beyond(ratio, 1.0, threshold) != SAME:
        return f"the machine may explain it: {work}, too"
    return f"the machine may hide a {'slowdown' if machine < 1 else 'speed-up'}: {work}"


def _beyond(ratio: Ratio, machine: float, threshold: float) -> str:
    value, low, high = (part / machine for part in ratio)
    if value > 1 + threshold and low > 1:
        return WORSE
    return BETTER if value < 1 / (1 + threshold) and high < 1 else SAME


# Change of a row's accuracy: NME or, on faces without annotations, deviation

NME = "NME %"  # the figure


def accuracy_change(before: CaseResult, after: CaseResult, threshold: float) -> Change | None:
    """Compare NME in points or, where the faces are not annotated, deviation from the float model.

    None where a record lacks both, and for the deviation of the float model.
    """
    found = nme_change(before, after, threshold)
    return found or deviation_change(before, after, threshold)


def nme_change(before: CaseResult, after: CaseResult, threshold: float) -> Change | None:
    """Compare NME in points on the same faces, paired; None where a record lacks the errors."""
    errors = [np.array(case.figures.errors or ()) for case in (before, after)]
    if not len(errors[0]) or len(errors[0]) != len(errors[1]):
        return None
    difference = errors[1] - errors[0]
    by, (low, high) = float(difference.mean()), metrics.bootstrap_interval(difference)
    verdict, why = _judged_nme((by, low, high), threshold)
    means = float(errors[0].mean()), float(errors[1].mean())
    return Change(after.key, NME, *means, by, low, high, verdict, why)


def _judged_nme(lost: Ratio, threshold: float) -> tuple[str, str]:
    """Judge points ``lost`` and their interval: the same only where more cannot have been lost."""
    by, low, high = lost
    if by > threshold and low > 0:
        return WORSE, ""
    if high < 0:
        return BETTER, ""
    if high > threshold:
        return UNSURE, f"may have lost {high:.3f}, {threshold:g} are allowed"
    return SAME, "lost, but within what is allowed" if low > 0 else ""


def deviation_change(before: CaseResult, after: CaseResult, threshold: float) -> Change | None:
    """Compare the deviation from the float model, % of eye distance; no interval is known."""
    first, second = (case.figures.deviation_iod_percent for case in (before, after))
    if first is None or second is None or after.format == "keras":
        return None
    by = second - first
    verdict = WORSE if by > threshold else BETTER if by < -threshold else SAME
    return Change(after.key, "deviation %", first, second, by, None, None, verdict)


# Differences between two records besides their figures: machine, settings, versions, files

MACHINE = ("board", "cpu", "architecture")  # another one of these is another machine
FACTS = ("runtime", "threads", "cpus", "bytes")  # of a row
PACKAGES = "device.packages."
PARTS = ("asmnet_edge", "device", "settings", "interrupted")


def differences(before: BenchmarkRecord, after: BenchmarkRecord) -> dict[str, list[Any]]:
    """Return ``device.governor`` -> [before, after] for all that is not the same in both.

    A field that one of them, being older, does not have is no difference; a package is one.
    """
    first, second = (dict(_flat({p: r.content.get(p) for p in PARTS})) for r in (before, after))
    known = {name for name in first.keys() | second.keys() if _is_known(first, name, second)}
    return {
        name: [first.get(name), second.get(name)]
        for name in sorted(known)
        if first.get(name) != second.get(name)
    }


def _is_known(first: Mapping[str, Any], name: str, second: Mapping[str, Any]) -> bool:
    if not name.startswith(PACKAGES):
        return name in first and name in second
    return all(any(key.startswith(PACKAGES) for key in flat) for flat in (first, second))


def row_differences(before: CaseResult, after: CaseResult) -> dict[str, list[Any]]:
    """Return ``cpus`` -> [before, after] for what may explain one row's change; hashes cut short.

    A field that an older record does not have is no difference: where one has the hash of the file
    alone, without that of the weights beside it, the files are compared.
    """
    whole = before.files_sha256 and after.files_sha256
    digest = "files_sha256" if whole else "sha256"
    first, second = (_facts(case, digest) for case in (before, after))
    return {
        name: [first[name], second[name]]
        for name in first
        if None not in (first[name], second[name]) and first[name] != second[name]
    }


def _facts(case: CaseResult, digest: str) -> dict[str, Any]:
    facts = {name: getattr(case, name) for name in FACTS}
    facts["cpus"] = None if case.cpus is None else list(case.cpus)
    sha256 = (getattr(case, digest) or "")[:12] or None
    return {**facts, "sha256": sha256, "steady": not case.unsteady}


def other_machine(before: BenchmarkRecord, after: BenchmarkRecord) -> list[str]:
    """Return why the two cannot be from one machine; empty if they may be."""
    pairs = [(name, getattr(before.device, name), getattr(after.device, name)) for name in MACHINE]
    return [f"{name} {first!r} and {second!r}" for name, first, second in pairs if first != second]


def other_faces(before: BenchmarkRecord, after: BenchmarkRecord) -> str:
    """Return why the two cannot be compared in accuracy; empty if they were on the same faces.

    Faces are compared by their annotations; in older records by crops and annotations.
    """
    faces = [record.faces for record in (before, after)]
    known = all(each.annotations_sha256 for each in faces)
    hashes = [each.annotations_sha256 if known else each.sha256 for each in faces]
    if None in hashes:
        return "a record does not have a hash of its faces"
    return "" if hashes[0] == hashes[1] else "the records are on other faces"


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(content, Mapping):
        yield name, sorted(content, key=str) if isinstance(content, list) else content
        return
    for key, value in content.items():
        yield from _flat(value, f"{name}.{key}" if name else key)
