"""Differences between two records besides their figures: machine, settings, versions, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import CaseResult

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
        return "a record does not tell on which faces it was"
    return "" if hashes[0] == hashes[1] else "the records are on other faces"


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(content, Mapping):
        yield name, sorted(content, key=str) if isinstance(content, list) else content
        return
    for key, value in content.items():
        yield from _flat(value, f"{name}.{key}" if name else key)
