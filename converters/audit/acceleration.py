"""The CPU's instructions for int8 arithmetic, described for people."""

from __future__ import annotations

from asmnet_edge import cpu

SATURATION = (
    "without VNNI, sums of two products of uint8 and int8 saturate at 16 bits: asmnet-edge verify "
    "measures what that costs this file"
)


def cpu_notes() -> list[str]:
    """Return one sentence on whether this CPU accelerates int8 products."""
    features = cpu.features()
    if features is None:
        return ["the CPU's features for int8 arithmetic are unknown on this system"]
    found = [name for name in cpu.FEATURES if name in features]
    if found:
        return [f"this CPU accelerates int8 products: {', '.join(found)}"]
    if cpu.is_x86():
        return ["this CPU has no VNNI: int8 gains little over float here"]
    return ["this CPU has no dot product instructions: int8 gains less than it could"]


def saturates() -> bool:
    """Whether sums of two products of uint8 and int8 are cut off at 16 bits: x86 without VNNI.

    vpmaddubsw adds pairs of products in 16 bits with saturation; VNNI sums in 32.
    """
    features = cpu.features()
    return cpu.is_x86() and features is not None and not features & cpu.DOT_PRODUCTS
