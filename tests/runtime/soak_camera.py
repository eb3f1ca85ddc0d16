"""Faults of a camera and its recovery: a thousand of them, or a few in the tests.

    python tests/runtime/soak_camera.py --faults 1000

Every fault must be recovered from in five seconds; no frame may be older than the rule says, come
twice, or be torn; descriptors and threads must be as many at the end as after the first fault.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from asmnet_edge.runtime.cameras.camera import Camera, CameraRule

FAULTY = Path(__file__).with_name("faulty_camera.py")
RULE = CameraRule(opening=4.0, silence=0.4, stale=0.5, retry=0.05, longest=0.1, tick=0.05)
LONGEST = 5.0  # seconds that a recovery may take


def faulty() -> Any:
    spec = importlib.util.spec_from_file_location("faulty_camera", FAULTY)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def soak(faults: int, seed: int = 0) -> dict[str, Any]:
    """Inject ``faults`` one after the other; what came of them."""
    module, rng, lines = faulty(), random.Random(seed), []
    took: list[float] = []
    kinds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, str(FAULTY)]
        # the faulty process takes memory and pipe first, then what names the camera
        with Camera(str(folder), rule=RULE, log=lines.append, command=command) as camera:
            frames, last, at_first = camera.frames(), 0.0, None
            for _ in range(faults):
                kind = rng.choice(module.FAULTS)
                kinds[kind] += 1
                outages = camera.outages
                partial = folder / "fault.new"
                partial.write_text(kind)
                partial.rename(folder / "fault")
                start, good = time.monotonic(), 0
                while good < 3:
                    assert time.monotonic() - start < LONGEST, f"no frame after {kind}"
                    frame = next(frames)
                    if frame is None:
                        continue
                    taken = module.stamp_of(frame.picture)
                    age = time.monotonic() - taken
                    assert age < RULE.stale + 0.2, f"a frame {age:.2f} s old came after {kind}"
                    assert taken > last, f"a frame came twice after {kind}"
                    last = taken
                    good += camera.outages > outages and not (folder / "fault").exists()
                took.append(time.monotonic() - start)
                at_first = at_first or resources()
            at_end = resources()
        return {"faults": dict(kinds), "outages": camera.outages, "lines": len(lines),
                "slowest": max(took), "mean": sum(took) / len(took), "first": at_first,
                "last": at_end}  # fmt: skip


def resources() -> tuple[int, int]:
    """Open descriptors and threads."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=1000)
    print(soak(parser.parse_args().faults))
