"""Speed of the input: augmented crops per second and core."""

from __future__ import annotations

from time import process_time

import cv2

from asmnet_edge.training.batches import BatchPlan
from asmnet_edge.training.targets import TargetScaling


def crops_per_second(
    plan: BatchPlan, size: int, scaling: TargetScaling, seconds: float = 3.0
) -> float:
    """Return crops of ``size`` pixels per second of processor time, after a warm-up batch.

    Processor time rather than wall time: the load by other programs does not count.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        plan.make(0, size, scaling)
        start, crops, step = process_time(), 0, 0
        while process_time() - start < seconds:
            step += 1
            crops += len(plan.make(step % plan.steps, size, scaling)[0])
        return crops / (process_time() - start)
    finally:
        cv2.setNumThreads(threads)
