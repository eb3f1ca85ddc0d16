"""Frames of several hours: memory, descriptors, threads and times must stay constant.

    python tests/runtime/soak_frames.py --frames 100000

The frames are a drawn face that moves about a picture of 640 x 480, and is away now and then. They
go through tracker, drawing and the served board as in `predict --serve`.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from asmnet_edge.rendering.drawn_face import draw_face, walk_frame
from asmnet_edge.runtime.frame_loop import StageTimes, follow
from asmnet_edge.runtime.haar import detect_haar_quickly
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.runtime.server.board import Board
from asmnet_edge.runtime.sources import Frame
from asmnet_edge.runtime.tracker import FaceTracker

RATE = 30.0


def soak(frames: int, laps: int = 20) -> dict[str, Any]:
    """Figures after each of ``laps``; the first lap warms up and is not among them."""
    cv2.setNumThreads(1)
    face = draw_face(3).picture
    tracker = FaceTracker(FaceLandmarker.open(detector=detect_haar_quickly))
    board, times, seen = Board(), StageTimes(), 0
    board.watchers = 1  # a client: frames are drawn and encoded too
    figures: dict[str, list[float]] = {
        name: [] for name in ("rss_mb", "descriptors", "threads", "p50_ms", "p99_ms")
    }

    def show(shown: Frame, faces: Any, drawn: Any) -> None:
        nonlocal seen
        seen += len(faces)
        board.show(drawn, {"faces": [found.as_json() for found in faces]})

    for lap in range(laps + 1):
        took: list[float] = []

        def lap_of_frames(lap: int = lap, took: list[float] = took) -> Iterator[Frame]:
            for number in range(lap * frames // laps, (lap + 1) * frames // laps):
                picture = walk_frame(number, face)
                start = perf_counter()
                yield Frame(picture, number / RATE, number + 1)
                took.append(1e3 * (perf_counter() - start))

        follow(lap_of_frames(), tracker, [show], times, lambda: True)
        if lap:
            figures["rss_mb"].append(rss())
            figures["descriptors"].append(len(os.listdir("/proc/self/fd")))
            figures["threads"].append(threading.active_count())
            figures["p50_ms"].append(round(float(np.percentile(took, 50)), 2))
            figures["p99_ms"].append(round(float(np.percentile(took, 99)), 2))
    return {"frames": times.pictures, "faces": seen, **figures}


def rss() -> float:
    """Memory of this process that is really there, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--laps", type=int, default=20)
    options = parser.parse_args()
    found = soak(options.frames, options.laps)
    print(found)
    later = found["rss_mb"][len(found["rss_mb"]) // 4 :]  # allocators take their time to settle
    slope = np.polyfit(np.arange(len(later)), later, 1)[0] * (len(later) - 1)
    print(f"RSS slope over the last three quarters: {slope:+.2f} MB")
