"""Sustained latency: a curve over many minutes, for machines that throttle when they are hot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic, sleep

import numpy as np

from asmnet_edge.benchmarks.device.sensors import read_sensors
from asmnet_edge.benchmarks.latency.loop import Timed
from asmnet_edge.benchmarks.latency.watch import heat, note_of
from asmnet_edge.benchmarks.latency.yardstick import yardstick
from asmnet_edge.benchmarks.record_types import SustainedPoint, SustainedResult
from asmnet_edge.runtime.health import celsius

POINTS = 600  # of the curve at most; none is shorter than a second
MINUTE = 60.0
SLOWER = 0.05  # last minute against the first
NEAR, COOLING, PAUSE = 2.0, 600.0, 2.0  # degrees; seconds to wait at most, and between readings


def sustain(
    row: Timed,
    seconds: float,
    tick: Callable[[], None],
    points: list[SustainedPoint] | None = None,
    cpus: Sequence[int] = (),
) -> list[SustainedPoint]:
    """Call ``row`` without a break for ``seconds``; return a point of the curve each `step_of`.

    ``points`` is filled as it goes. ``tick`` is called for each. cpus : as of `yardstick`.
    """
    points = [] if points is None else points
    step, speed, start = step_of(seconds), yardstick(cpus), monotonic()
    while (past := monotonic() - start) < seconds:
        before, turn = read_sensors(), row.turn(1, min(step, seconds - past))
        p50, p90 = np.percentile(turn.samples, (50, 90))
        note = note_of(turn, before, read_sensors(), speed)
        points.append(
            SustainedPoint(
                at=round(past, 2),
                p50=float(p50),
                p90=float(p90),
                calls=len(turn.samples),
                **vars(note),
            )
        )
        tick()
    return points


def step_of(seconds: float) -> float:
    """Seconds that one point of a curve of ``seconds`` covers."""
    return max(1.0, seconds / POINTS)


def cool_down(goal: float | None, most: float) -> float:
    """Wait until the machine is near ``goal`` degrees Celsius; return the seconds waited.

    most : seconds to wait at most, and never more than `COOLING`; without a thermometer none
    """
    start, most = monotonic(), min(most, COOLING)
    while goal is not None and (celsius() or goal) > goal + NEAR:
        if monotonic() >= start + most:
            break
        sleep(PAUSE)
    return monotonic() - start


def summary(points: Sequence[SustainedPoint], cooled: float | None = None) -> SustainedResult:
    """Compare the first minute with the last; a run of less than two minutes is halved instead.

    cooled : seconds waited before the first point
    """
    end = points[-1].at + points[-1].seconds
    part = min(MINUTE, end / 2)
    first = [p.p50 for p in points if p.at < part]
    last = [p.p50 for p in points if p.at >= end - part] or [points[-1].p50]
    before, after = float(np.median(first)), float(np.median(last))
    return SustainedResult(
        seconds=round(end, 1),
        compared_seconds=round(part, 1),
        start_celsius=points[0].celsius_before,
        first_p50=before,
        last_p50=after,
        change_percent=100 * (after / before - 1),
        slower=after / before - 1 > SLOWER,
        points=tuple(points),
        cooled_seconds=None if cooled is None else round(cooled, 1),
    )


def throttled(result: SustainedResult) -> list[str]:
    """Return in words how the machine slowed down or overheated; empty if it did not."""
    change = f"p50 went from {result.first_p50:.2f} to {result.last_p50:.2f} ms"
    reasons = [change] if result.slower else []
    return [f"sustained, {reason}" for reason in [*reasons, *heat(result.points)]]
