"""The report's prose: the device, and how the numbers were taken."""

from __future__ import annotations

from asmnet_edge.benchmarks.record.record import BenchmarkRecord

NAMES = {
    "board": "board",
    "cpu": "CPU",
    "architecture": "architecture",
    "cores": "cores",
    "features": "features",
    "governor": "frequency governor",
    "max_mhz": "highest frequency, MHz",
    "memory_mib": "memory, MiB",
    "os": "system",
    "system": "kernel",
    "python": "Python",
}


def device_lines(record: BenchmarkRecord) -> list[list[str]]:
    """Name and value of what is known of the machine."""
    device = record.content["device"]
    lines = [[words, _text(device[key])] for key, words in NAMES.items() if device.get(key)]
    if source := (device.get("power") or {}).get("source"):
        lines.append(["power", str(source)])
    packages = device.get("packages") or {}
    return lines + [["packages", ", ".join(f"{n} {v}" for n, v in packages.items())]]


def how_measured(record: BenchmarkRecord) -> list[str]:
    settings = record.content["settings"]
    plan, faces = settings["latency"], settings["faces"]
    lines = [
        f"Latency: one call at a time, each row in a process of its own, at least "
        f"{plan['queries']} calls and {plan['seconds']:g} s each, in {plan['rounds']} rounds in "
        "which all rows take turns, so that a machine that drifts slows all alike. Each is warmed "
        "up until two neighbouring medians agree. Every sample is kept in the record.",
        "Intervals: 95 % bootstrap, over rounds for latencies and over faces, paired, for drops. "
        "A foreign network's time includes scaling its pixels; ours do that in the graph.",
        f"Accuracy: {faces['count']} faces, {faces['on']}, each cut by the row's own crop rule.",
    ]
    if plan.get("stage_calls"):
        lines.append("End to end: a JPEG picture to landmarks in its pixels, one inference.")
    if plan.get("cold_starts"):
        lines.append(
            f"Cold start: {plan['cold_starts']} fresh processes, median; files in the system's "
            "cache. RSS: the most memory that such a process held."
        )
    return lines


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
