"""Change of a row's accuracy: NME or, on faces without annotations, deviation."""

from __future__ import annotations

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.compare.change import BETTER, SAME, UNSURE, WORSE, Change, Ratio
from asmnet_edge.benchmarks.record_types import AccuracyResult, CaseResult

NME = "NME %"  # the figure


def accuracy_change(before: CaseResult, after: CaseResult, threshold: float) -> Change | None:
    """Compare NME in points or, where the faces are not annotated, deviation from the float model.

    None where a record lacks both, and for the deviation of the float model.
    """
    found = nme_change(before, after, threshold)
    return found or deviation_change(before, after, threshold)


def nme_change(before: CaseResult, after: CaseResult, threshold: float) -> Change | None:
    """Compare NME in points on the same faces, paired; None where a record lacks the errors."""
    errors = [np.array(_accuracy_of(case).errors or ()) for case in (before, after)]
    if not len(errors[0]) or len(errors[0]) != len(errors[1]):
        return None
    difference = errors[1] - errors[0]
    by, (low, high) = float(difference.mean()), metrics.bootstrap_interval(difference)
    verdict, why = _judged_nme((by, low, high), threshold)
    means = float(errors[0].mean()), float(errors[1].mean())
    return Change(after.key, NME, *means, by, low, high, verdict, why)


def _accuracy_of(case: CaseResult) -> AccuracyResult:
    return case.accuracy or AccuracyResult()


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
    first, second = (_accuracy_of(case).deviation_iod_percent for case in (before, after))
    if first is None or second is None or after.format == "keras":
        return None
    by = second - first
    verdict = WORSE if by > threshold else BETTER if by < -threshold else SAME
    return Change(after.key, "deviation %", first, second, by, None, None, verdict)
