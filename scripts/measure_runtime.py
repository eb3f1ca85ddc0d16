"""Measure the time of a frame on one core, stage by stage, and with Keras in place of the artifact.

    taskset -c 0 python scripts/measure_runtime.py --frames 600 [--keras]

A drawn face walks about 640 x 480 pixels of a video file. The frames go through decoding, tracker
and smoothing; nothing is drawn or written. ``--keras`` does the same with the shipped float model
and ``model.predict``, as tutorials of Keras do.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from asmnet_edge.io.files import SHIPPED_FLOAT, SHIPPED_INT8, shipped
from asmnet_edge.rendering.drawn_face import AWAY, FRAME, draw_face, walk_frame
from asmnet_edge.runtime.artifact import Artifact, open_artifact
from asmnet_edge.runtime.frame_loop import StageTimes, follow
from asmnet_edge.runtime.haar import detect_haar_quickly
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.runtime.sinks import video_writer
from asmnet_edge.runtime.sources import Video
from asmnet_edge.runtime.tracker import FaceTracker

OUTSIDE = ("crop", "decode", "smooth")  # stages of a face outside the network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--keras", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    artifact = open_artifact(shipped(SHIPPED_INT8))
    with tempfile.TemporaryDirectory() as folder:
        video = make_video(Path(folder) / "walk.mp4", options.frames)
        int8 = report(artifact.backend.name, measure(video, artifact))
        if options.keras:
            keras = report(
                "keras model.predict", measure(video, replace(artifact, backend=Keras()))
            )
            print(f"{keras / int8:.1f} times fewer milliseconds a frame")


def make_video(path: Path, frames: int) -> Path:
    face = draw_face(3).picture
    with video_writer(path, 30.0, FRAME) as writer:
        for number in range(frames):
            writer.write(walk_frame(number % AWAY.start, face))  # never while it is away
    return path


def measure(video: Path, artifact: Artifact) -> StageTimes:
    tracker = FaceTracker(FaceLandmarker(artifact, detect_haar_quickly))
    times, warm = StageTimes(), StageTimes()
    follow(Video(video).frames(lambda: warm.pictures >= 20), tracker, [], warm)
    tracker.forget()
    follow(Video(video).frames(), tracker, [], times)
    return times


def report(name: str, times: StageTimes) -> float:
    """Print the figures; return milliseconds a frame."""
    outside = sum(times.percentile(stage, 50) or 0.0 for stage in OUTSIDE)
    print(f"{name}: {times.line()}")
    frame = 1e3 / times.per_second
    print(f"  outside the network, p50: {outside:.3f} ms a face; {frame:.2f} ms a frame")
    return frame


class Keras:
    """The shipped float model, called as Keras' tutorials do."""

    name = "keras model.predict"

    def __init__(self) -> None:
        from asmnet_edge.training.float_model import load_float_model

        self._model: Any = load_float_model(shipped(SHIPPED_FLOAT))

    def run(self, crop: Any) -> tuple[Any, Any]:
        pixels = np.asarray(self._model.pixels.apply(crop))
        outputs = self._model.network.predict(pixels, verbose=0)
        landmarks, pose = self._model.scaling.restore(outputs["landmarks"], outputs["pose"])
        return landmarks[0], pose[0]


if __name__ == "__main__":
    main()
