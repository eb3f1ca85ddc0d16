"""What differs between two records besides their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord

Row = dict[str, Any]
MACHINE = ("board", "cpu", "architecture")  # another one of these is another machine
FACTS = ("runtime", "threads", "cpus", "bytes")  # of a row
PACKAGES = "device.packages."
PARTS = ("asmnet_edge", "device", "settings", "interrupted")


def differences(before: BenchmarkRecord, after: BenchmarkRecord) -> dict[str, list[Any]]:
    """``device.governor`` -> [before, after], for all that is not the same in both.

    What one of them does not tell, being older, is no difference; a package that it lacks is.
    """
    first, second = (dict(_flat({p: r.content.get(p) for p in PARTS})) for r in (before, after))
    told = {name for name in first.keys() | second.keys() if _tells(first, name, second)}
    return {
        name: [first.get(name), second.get(name)]
        for name in sorted(told)
        if first.get(name) != second.get(name)
    }


def _tells(first: Mapping[str, Any], name: str, second: Mapping[str, Any]) -> bool:
    if not name.startswith(PACKAGES):
        return name in first and name in second
    return all(any(key.startswith(PACKAGES) for key in flat) for flat in (first, second))


def row_differences(before: Row, after: Row) -> dict[str, list[Any]]:
    """``cpus`` -> [before, after], for what explains one row's change; hashes by their beginning.

    What an older record does not tell is no difference: where one has the hash of the file alone,
    without that of the weights beside it, the files are compared.
    """
    whole = all(row.get("files_sha256") for row in (before, after))
    digest = "files_sha256" if whole else "sha256"
    told = [
        {**{name: row[name] for name in FACTS if row.get(name) is not None},
         "sha256": str(row.get(digest) or "")[:12] or None,
         "steady": not row.get("unsteady")}
        for row in (before, after)
    ]  # fmt: skip
    return {
        name: [told[0][name], told[1][name]]
        for name in told[0]
        if None not in (told[0][name], told[1].get(name)) and told[0][name] != told[1][name]
    }


def other_machine(before: BenchmarkRecord, after: BenchmarkRecord) -> list[str]:
    """Why the two cannot be from one machine; empty if they may be."""
    first, second = before.content["device"], after.content["device"]
    return [
        f"{name} {first.get(name)!r} and {second.get(name)!r}"
        for name in MACHINE
        if first.get(name) != second.get(name)
    ]


def other_faces(before: BenchmarkRecord, after: BenchmarkRecord) -> str:
    """Why the two cannot be compared in accuracy; empty if they were on the same faces.

    By their annotations; by crops and annotations where a record is too old to tell those.
    """
    faces = [r.content["settings"]["faces"] for r in (before, after)]
    known = all(each.get("annotations_sha256") for each in faces)
    hashes = [each.get("annotations_sha256" if known else "sha256") for each in faces]
    if None in hashes:
        return "a record does not tell on which faces it was"
    return "" if hashes[0] == hashes[1] else "the records are on other faces"


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(content, Mapping):
        yield name, sorted(content, key=str) if isinstance(content, list) else content
        return
    for key, value in content.items():
        yield from _flat(value, f"{name}.{key}" if name else key)
