"""What differs between two records besides their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord

MACHINE = ("board", "cpu", "architecture")  # another one of these is another machine
PARTS = ("asmnet_edge", "device", "settings")


def differences(before: BenchmarkRecord, after: BenchmarkRecord) -> dict[str, list[Any]]:
    """``device.governor`` -> [before, after], for all that is not the same in both."""
    first, second = (dict(_flat({p: r.content.get(p) for p in PARTS})) for r in (before, after))
    names = sorted(first.keys() | second.keys())
    return {
        name: [first.get(name), second.get(name)]
        for name in names
        if first.get(name) != second.get(name)
    }


def other_machine(before: BenchmarkRecord, after: BenchmarkRecord) -> list[str]:
    """Why the two cannot be from one machine; empty if they may be."""
    first, second = before.content["device"], after.content["device"]
    return [
        f"{name} {first.get(name)!r} and {second.get(name)!r}"
        for name in MACHINE
        if first.get(name) != second.get(name)
    ]


def same_faces(before: BenchmarkRecord, after: BenchmarkRecord) -> bool:
    """By their annotations; by crops and annotations where a record is too old to tell those."""
    faces = [r.content["settings"]["faces"] for r in (before, after)]
    known = all(each.get("annotations_sha256") for each in faces)
    hashes = [each.get("annotations_sha256" if known else "sha256") for each in faces]
    return hashes[0] is not None and hashes[0] == hashes[1]


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(content, Mapping):
        yield name, content
        return
    for key, value in content.items():
        yield from _flat(value, f"{name}.{key}" if name else key)
