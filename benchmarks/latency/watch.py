"""State of the machine while it measures: one note a round, and reasons to distrust its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asmnet_edge.benchmarks.device.sensors import (
    LOW_BATTERY,
    PowerSupply,
    Sensors,
    slowed_between,
    throttle_words,
)
from asmnet_edge.benchmarks.latency.figures import Latency
from asmnet_edge.benchmarks.latency.turn import Turn
from asmnet_edge.benchmarks.record_types import RoundNote

SPREAD = 1.5  # p90 over p50
DRIFT = 0.05  # change of the median between the halves of a run
KNOWN = 0.05  # width of the median's interval, of the median
OTHERS = 0.15  # cores that other processes kept busy, on average
STOLEN = 0.02  # cores that a virtual machine's host took
SLOWER = 0.05  # change of frequency or of the yardstick while measuring
HOT = 80.0  # degrees Celsius; a Raspberry Pi begins to slow down there
WAITED = 0.05  # share of a single thread's time in which it did not run


def note_of(turn: Turn, before: Sensors, after: Sensors, yardstick: Sequence[float]) -> RoundNote:
    """Summarise one round between two sensor readings; yardstick : its times in ms around it."""
    others = None
    if before.busy is not None and after.busy is not None:
        others = max(0.0, after.busy - before.busy - turn.cpu) / turn.wall
    stolen = None
    if before.stolen is not None and after.stolen is not None:
        stolen = max(0.0, after.stolen - before.stolen) / turn.wall
    return RoundNote(
        seconds=round(turn.wall, 4),
        cpu_seconds=round(turn.cpu, 4),
        preemptions=turn.preemptions,
        others_cores=None if others is None else round(others, 3),
        stolen_cores=None if stolen is None else round(stolen, 3),
        mhz=after.mhz,
        celsius_before=before.celsius,
        celsius=after.celsius,
        throttled=after.throttled,
        slowed=slowed_between(before.throttled, after.throttled),
        yardstick_ms=round(float(np.median(yardstick)), 4),
    )


def unsteady(latency: Latency, notes: Sequence[RoundNote], threads: int | None) -> list[str]:
    """Return the reasons to distrust the samples; empty when there are none."""
    return [*_in_samples(latency), *_in_machine(notes, threads)]


def _in_samples(latency: Latency) -> list[str]:
    reasons, middle = [], latency.percentile(50)
    spread = latency.percentile(90) / middle
    if spread > SPREAD:
        reasons.append(f"p90 is {spread:.2f} times p50")
    first, last = (float(np.median(half)) for half in np.array_split(latency.samples, 2))
    if abs(last / first - 1) > DRIFT:
        reasons.append(f"the median moved by {100 * (last / first - 1):+.0f} % while measuring")
    low, high = latency.intervals().get("p50", (middle, middle))
    if (width := (high - low) / middle) > KNOWN:
        reasons.append(f"p50's interval is {100 * width:.0f} % wide, its rounds differ")
    return reasons


def _in_machine(notes: Sequence[RoundNote], threads: int | None) -> list[str]:
    if not notes:
        return []
    reasons = []
    if (others := _mean(notes, "others_cores")) > OTHERS:
        reasons.append(f"other processes kept {others:.1f} cores busy")
    if (stolen := _mean(notes, "stolen_cores")) > STOLEN:
        reasons.append(f"the virtual machine's host took {stolen:.2f} cores away")
    waited = 1 - sum(n.cpu_seconds for n in notes) / max(sum(n.seconds for n in notes), 1e-9)
    if threads == 1 and waited > WAITED:
        reasons.append(f"it had to wait for the processor {100 * waited:.0f} % of the time")
    for key, what in (("mhz", "the frequency"), ("yardstick_ms", "a fixed piece of work")):
        reasons += _moved(notes, key, what)
    return reasons + heat(notes)


def heat(notes: Sequence[RoundNote]) -> list[str]:
    """Return whether the board was hot, and the throttling that it reports, in words."""
    hottest = max((note.celsius for note in notes if note.celsius), default=0.0)
    reasons = [f"it was hot: {hottest:.0f} °C"] if hottest >= HOT else []
    flags = {word for note in notes for word in throttle_words(note.slowed)}
    return reasons + [f"the board says: {word}" for word in sorted(flags)]


def _moved(notes: Sequence[RoundNote], key: str, what: str) -> list[str]:
    """Report a drift by the interquartile range, in which single outliers do not count."""
    values = [value for note in notes if (value := getattr(note, key))]
    if len(values) < 4:
        return []
    low, middle, high = np.percentile(values, (25, 50, 75))
    change = (high - low) / middle
    unit = "MHz" if key == "mhz" else "ms"
    return [f"{what} went from {low:.4g} to {high:.4g} {unit}"] if change > SLOWER else []


def _mean(notes: Sequence[RoundNote], key: str) -> float:
    """Mean of ``key`` over time; 0 where the system does not report it."""
    values = [(getattr(note, key), note.seconds) for note in notes]
    known = [(value, seconds) for value, seconds in values if value is not None]
    total = sum(seconds for _, seconds in known)
    return sum(value * seconds for value, seconds in known) / total if total else 0.0


def power_warning(power: PowerSupply) -> str | None:
    """Return a warning where a low battery may slow the machine down."""
    percent = power.battery_percent
    if power.source != "battery" or percent is None or percent > LOW_BATTERY:
        return None
    return f"running on a battery at {percent:.0f} %"
