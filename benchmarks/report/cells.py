"""Rows of a record with the labels that tables and charts show, and their figures as short texts.

Each of the functions of a `Row` gives the text of one column, empty where there is no figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from asmnet_edge.benchmarks.record_types import CaseResult, LatencyResult, RecordContent


@dataclass(frozen=True)
class Row:
    """A case with its label, which is unique in the record and shorter than the case's key."""

    case: CaseResult
    label: str

    @property
    def latency(self) -> LatencyResult:
        """The latency; `ValueError` where it was not measured."""
        return self.case.latency


def rows_of(record: RecordContent) -> list[Row]:
    """Return all rows of ``record``, failed ones too, in their order."""
    return labelled(record.results)


def measured_rows(record: RecordContent) -> list[Row]:
    """Return the rows of ``record`` that have a latency."""
    return [row for row in rows_of(record) if row.case.latency_ms]


def labelled(cases: Sequence[CaseResult]) -> list[Row]:
    """Return ``cases`` with labels: the key where two would have the same label."""
    names = [_label(case) for case in cases]
    counts = Counter(names)
    pairs = zip(cases, names, strict=True)
    return [Row(c, (name if counts[name] == 1 else c.key) + _mark(c)) for c, name in pairs]


def _label(case: CaseResult) -> str:
    """``tflite int8``, with runtime and threads where the user chose them."""
    if not case.format or not case.latency_ms:
        return case.key
    name = case.name if case.foreign else f"{case.format} {case.precision}"
    runtime = (case.runtime or "").split()[0] if " in " in case.key else ""
    threads = f"{case.threads}t" if (case.threads or 1) > 1 else ""
    beside = "" if case.descends_from_float_model or case.foreign else f"({case.name})"
    return " ".join(word for word in (name, beside, runtime, threads) if word)


def _mark(case: CaseResult) -> str:
    """Mark a case that has figures and yet failed, which must not look healthy."""
    return " (failed)" if case.error is not None and case.latency_ms else ""


# size and speed


def megabytes(row: Row) -> str:
    return "" if row.case.bytes is None else f"{row.case.bytes / 1e6:.2f}"


def int8_share(row: Row) -> str:
    operators = row.case.operators
    return f"{100 * operators['int8'] / operators['total']:.0f} %" if operators else ""


def p50(row: Row) -> str:
    """Median with half the width of its interval; ``~`` marks an unsteady row."""
    mark = "~" if row.case.unsteady else ""
    return f"{mark}{row.latency.p50:.2f}{_width(row, 'p50')}"


def percentile(row: Row, name: str) -> str:
    """``p90``, ``p99`` or ``mean`` in ms."""
    return f"{getattr(row.latency, name):.2f}"


def percentile_known(row: Row, name: str) -> str:
    """Percentile with half the width of its interval."""
    return percentile(row, name) + _width(row, name)


def _width(row: Row, name: str) -> str:
    if name not in row.latency.intervals:
        return ""
    low, high = row.latency.intervals[name]
    return f" ±{(high - low) / 2:.2f}"


def per_second(row: Row) -> str:
    return f"{row.latency.throughput:.0f}"


def stage(row: Row, name: str) -> str:
    """p50 of the stage ``name`` in ms."""
    stages = row.case.stages_ms
    return f"{stages[name].p50:.2f}" if stages else ""


def cold(row: Row, name: str, scale: float = 1.0) -> str:
    """The figure ``name`` of the cold start, times ``scale``."""
    value = getattr(row.case.cold_start, name, None)
    return "" if value is None else f"{value * scale:.0f}"


# accuracy


def nme(row: Row) -> str:
    return _number(row.case.figures.nme, ".2f")


def drop(row: Row) -> str:
    """Drop of the NME with its 95 % interval."""
    figures = row.case.figures
    if figures.nme_drop is None or figures.nme_drop_interval is None:
        return ""
    low, high = figures.nme_drop_interval
    return f"{signed(figures.nme_drop)} [{signed(low)}, {signed(high)}]"


def failures(row: Row) -> str:
    rate = row.case.figures.failure_rate
    return "" if rate is None else f"{100 * rate:.1f}"


def auc(row: Row) -> str:
    return _number(row.case.figures.auc, ".3f")


def pose(row: Row) -> str:
    """Mean absolute error over yaw, pitch and roll in degrees."""
    mae = row.case.figures.pose_mae
    return "" if mae is None else f"{fmean(mae.values()):.2f}"


def deviation(row: Row) -> str:
    return _number(row.case.figures.deviation_iod_percent, ".2f")


def jitter(row: Row) -> str:
    """Jitter on a still and on a moving picture."""
    found = row.case.figures.jitter
    return f"{found.still_iod_percent:.2f} / {found.moving_iod_percent:.2f}" if found else ""


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def signed(value: float) -> str:
    """``+0.012``; what rounds to nothing has a plus."""
    return f"{round(value, 3) + 0.0:+.3f}"
