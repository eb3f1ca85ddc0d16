"""Latency over many minutes: what is left of it when the machine is hot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.device.sensors import look
from asmnet_edge.benchmarks.latency.loop import Timed
from asmnet_edge.benchmarks.latency.watch import heat, note_of
from asmnet_edge.benchmarks.latency.yardstick import yardstick
from asmnet_edge.runtime.health import celsius

POINTS = 600  # of the curve at most; none is shorter than a second
MINUTE = 60.0
SLOWER = 0.05  # last minute against the first
NEAR, COOLING, PAUSE = 2.0, 600.0, 2.0  # degrees; seconds to wait at most, and between looks


def sustain(
    row: Timed,
    seconds: float,
    tick: Callable[[], None],
    points: list[dict[str, Any]] | None = None,
    cpus: Sequence[int] = (),
) -> list[dict[str, Any]]:
    """Call ``row`` without a break for ``seconds``; a point of the curve for each `step_of`.

    at : seconds since the start when the point begins; p50, p90 : ms; the rest as `watch.note_of`.
    ``points`` is filled as it goes. ``tick`` is called for each. cpus : as of `yardstick`.
    """
    points = [] if points is None else points
    step, speed, start = step_of(seconds), yardstick(cpus), monotonic()
    while (past := monotonic() - start) < seconds:
        before, turn = look(), row.turn(1, min(step, seconds - past))
        p50, p90 = np.percentile(turn.samples, (50, 90))
        figures = {"at": round(past, 2), "p50": float(p50), "p90": float(p90)}
        note = note_of(turn, before, look(), speed)
        points.append({**figures, "calls": len(turn.samples), **note})
        tick()
    return points


def step_of(seconds: float) -> float:
    return max(1.0, seconds / POINTS)


def cool_down(goal: float | None, most: float) -> float:
    """Wait until the machine is near ``goal`` degrees Celsius; ``most`` : seconds, as is `COOLING`.

    Seconds waited; none where there is no thermometer.
    """
    start, most = monotonic(), min(most, COOLING)
    while goal is not None and (celsius() or goal) > goal + NEAR:
        if monotonic() >= start + most:
            break
        sleep(PAUSE)
    return monotonic() - start


def summary(points: list[dict[str, Any]]) -> dict[str, Any]:
    """First minute against the last; a run of less than two minutes is halved instead."""
    end = points[-1]["at"] + points[-1]["seconds"]
    part = min(MINUTE, end / 2)
    first = [p["p50"] for p in points if p["at"] < part]
    last = [p["p50"] for p in points if p["at"] >= end - part] or [points[-1]["p50"]]
    before, after = float(np.median(first)), float(np.median(last))
    return {
        "seconds": round(end, 1),
        "compared_seconds": round(part, 1),
        "start_celsius": points[0]["celsius_before"],
        "first_p50": before,
        "last_p50": after,
        "change_percent": 100 * (after / before - 1),
        "slower": after / before - 1 > SLOWER,
        "points": points,
    }


def tired(told: dict[str, Any]) -> list[str]:
    """What the `summary` ``told`` says against the row; empty if it held out."""
    change = f"p50 went from {told['first_p50']:.2f} to {told['last_p50']:.2f} ms"
    reasons = [change] if told["slower"] else []
    return [f"sustained, {reason}" for reason in [*reasons, *heat(told["points"])]]
