"""Face landmarks and head pose on edge devices: train, convert to int8, measure, run.

Faces of a photo. Images are NumPy arrays (H, W, 3) uint8 in BGR order, as OpenCV has them; the
shipped int8 model runs unless another one is given:

    from asmnet_edge import FaceLandmarker, draw_faces, read_image, write_image

    image = read_image("photo.jpg")
    faces = FaceLandmarker.open().detect(image)
    for face in faces:
        print(face.pose, face.landmarks.points)
    write_image("annotated.jpg", draw_faces(image, faces))

What a face holds (see `Face`):

    face.landmarks.points    # (68, 2) float64, x, y in pixels of the image
    left_eye = list(face.landmarks.scheme.groups["left_eye"])  # indices: also right_eye, nose,
    face.landmarks.points[left_eye]                            # mouth, jaw, left_brow, right_brow
    yaw, pitch, roll = face.pose   # degrees, positive: to the image's right, up, clockwise
    face.box                 # x, y, width, height in pixels
    face.quality             # 0 to 1; below 0.5 it is probably no face

A video or a camera, with the faces followed from frame to frame: ``face.track`` is the same number
in each. A sink is any function of a frame, its faces and the annotated image (None unless one is
written or shown). `PipelineOptions` and `StreamOutputs` list what can be chosen:

    from asmnet_edge import Pipeline, PipelineOptions, StreamOutputs

    def print_pose(frame, faces, annotated):
        print(frame.seconds, [face.pose.round() for face in faces])

    with Pipeline(PipelineOptions(faces=2)) as pipeline:
        pipeline.video("walk.mp4", StreamOutputs(video="out.mp4", records="faces.csv"))
        pipeline.camera("0", StreamOutputs(sinks=[print_pose], frames=100))

The same loop by hand, on images from anywhere:

    from asmnet_edge import FaceTracker

    tracker = FaceTracker(FaceLandmarker.open())
    for seconds, image in my_images:
        faces = tracker.update(image, seconds)

Other models and detectors:

    FaceLandmarker.open("model-int8.onnx", threads=2, detector="none")
    FaceDetector("haar").detect(image)                  # boxes; see asmnet_edge.runtime.detector

A float model to artifacts for devices (needs the extra ``convert``):

    from asmnet_edge import ConvertOptions, convert

    report = convert("asmnet68.keras", ConvertOptions(formats=("onnx",)), progress=print)
    print(report.paths)

How fast, small and accurate artifacts are on this machine:

    from pathlib import Path

    from asmnet_edge import BenchmarkOptions, run_benchmark

    record = run_benchmark(BenchmarkOptions(artifacts=(Path("asmnet68-int8.tflite"),)))
    for case in record.measured_cases:
        print(case.key, case.latency.p50)               # ms a face, the median

Errors that a user can correct are `AsmnetEdgeError`; their text states what to do. Names are
imported when they are first used, so that importing the package is quick. ``examples/`` in the
repository has complete programs, and ``asmnet-edge --help`` lists the commands.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.cases import BenchmarkOptions
    from asmnet_edge.benchmarks.record import BenchmarkRecord
    from asmnet_edge.benchmarks.session import run_benchmark
    from asmnet_edge.converters.conversion import (
        ConversionEvent,
        ConversionReport,
        ConvertOptions,
        convert,
    )
    from asmnet_edge.errors import AsmnetEdgeError
    from asmnet_edge.geometry.crop import CropRule, cut
    from asmnet_edge.geometry.landmarks import Box, Landmarks
    from asmnet_edge.io.images import read_image as read_image
    from asmnet_edge.io.images import write_image as write_image
    from asmnet_edge.runtime.artifact import open_artifact
    from asmnet_edge.runtime.detector import DetectorOptions, FaceDetector
    from asmnet_edge.runtime.image_pipeline import ImageOutputs, ImageResult
    from asmnet_edge.runtime.landmarker import Face, FaceLandmarker
    from asmnet_edge.runtime.pipeline import Pipeline, PipelineOptions
    from asmnet_edge.runtime.sinks import draw_faces
    from asmnet_edge.runtime.sources import Frame
    from asmnet_edge.runtime.stream_pipeline import (
        CameraOptions,
        ServerOptions,
        StreamOutputs,
        StreamSummary,
    )
    from asmnet_edge.runtime.tracker import FaceTracker, TrackingRule

# public name -> where it is defined
_EXPORTS = {
    "AsmnetEdgeError": "asmnet_edge.errors.AsmnetEdgeError",
    "BenchmarkOptions": "asmnet_edge.benchmarks.cases.BenchmarkOptions",
    "BenchmarkRecord": "asmnet_edge.benchmarks.record.BenchmarkRecord",
    "Box": "asmnet_edge.geometry.landmarks.Box",
    "CameraOptions": "asmnet_edge.runtime.stream_pipeline.CameraOptions",
    "ConversionEvent": "asmnet_edge.converters.conversion.ConversionEvent",
    "ConversionReport": "asmnet_edge.converters.conversion.ConversionReport",
    "ConvertOptions": "asmnet_edge.converters.conversion.ConvertOptions",
    "CropRule": "asmnet_edge.geometry.crop.CropRule",
    "DetectorOptions": "asmnet_edge.runtime.detector.DetectorOptions",
    "Face": "asmnet_edge.runtime.landmarker.Face",
    "FaceDetector": "asmnet_edge.runtime.detector.FaceDetector",
    "FaceLandmarker": "asmnet_edge.runtime.landmarker.FaceLandmarker",
    "FaceTracker": "asmnet_edge.runtime.tracker.FaceTracker",
    "Frame": "asmnet_edge.runtime.sources.Frame",
    "ImageOutputs": "asmnet_edge.runtime.image_pipeline.ImageOutputs",
    "ImageResult": "asmnet_edge.runtime.image_pipeline.ImageResult",
    "Landmarks": "asmnet_edge.geometry.landmarks.Landmarks",
    "Pipeline": "asmnet_edge.runtime.pipeline.Pipeline",
    "PipelineOptions": "asmnet_edge.runtime.pipeline.PipelineOptions",
    "ServerOptions": "asmnet_edge.runtime.stream_pipeline.ServerOptions",
    "StreamOutputs": "asmnet_edge.runtime.stream_pipeline.StreamOutputs",
    "StreamSummary": "asmnet_edge.runtime.stream_pipeline.StreamSummary",
    "TrackingRule": "asmnet_edge.runtime.tracker.TrackingRule",
    "convert": "asmnet_edge.converters.conversion.convert",
    "cut": "asmnet_edge.geometry.crop.cut",
    "draw_faces": "asmnet_edge.runtime.sinks.draw_faces",
    "open_artifact": "asmnet_edge.runtime.artifact.open_artifact",
    "read_image": "asmnet_edge.io.images.read_image",
    "run_benchmark": "asmnet_edge.benchmarks.session.run_benchmark",
    "write_image": "asmnet_edge.io.images.write_image",
}

__all__ = [
    "AsmnetEdgeError",
    "BenchmarkOptions",
    "BenchmarkRecord",
    "Box",
    "CameraOptions",
    "ConversionEvent",
    "ConversionReport",
    "ConvertOptions",
    "CropRule",
    "DetectorOptions",
    "Face",
    "FaceDetector",
    "FaceLandmarker",
    "FaceTracker",
    "Frame",
    "ImageOutputs",
    "ImageResult",
    "Landmarks",
    "Pipeline",
    "PipelineOptions",
    "ServerOptions",
    "StreamOutputs",
    "StreamSummary",
    "TrackingRule",
    "__version__",
    "convert",
    "cut",
    "draw_faces",
    "open_artifact",
    "read_image",
    "run_benchmark",
    "write_image",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _EXPORTS[name].rpartition(".")
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
