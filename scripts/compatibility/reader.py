"""Run a model in one reader and save its landmarks; a child of `make_compatibility.py`.

    python reader.py KIND MODEL CROPS.npy RESULT.npz

CROPS.npy : (faces, size, size, 3) uint8 RGB. RESULT.npz : ``landmarks`` (faces, points, 2) relative
to the crop, ``milliseconds`` (calls,) of single calls, ``version`` of the reader. It runs in an
environment that has NumPy and the reader alone, so it imports nothing of this package.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from time import perf_counter

import numpy as np

CALLS = 30  # timed calls, after 3 that warm up
Predict = Callable[[np.ndarray], list[np.ndarray]]  # (1, s, s, 3) uint8 -> outputs of the model


def main() -> None:
    kind, model, crops, result = sys.argv[1:5]
    faces = np.load(crops)
    predict = OPENERS[kind](model)
    landmarks = np.stack([landmarks_of(predict(face[None]), model) for face in faces])
    for _ in range(3):
        predict(faces[:1])
    times = []
    for call in range(CALLS):
        face = faces[call % len(faces)][None]
        start = perf_counter()
        predict(face)
        times.append(1e3 * (perf_counter() - start))
    version = metadata.version(PACKAGES[kind])
    np.savez(result, landmarks=landmarks, milliseconds=times, version=version)


def landmarks_of(outputs: list[np.ndarray], model: str) -> np.ndarray:
    """Return the landmarks (points, 2) among ``outputs``, dequantised by its manifest."""
    (values,) = [output for output in outputs if output.size > 3]
    manifest = json.loads(Path(model + ".json").read_text(encoding="utf-8"))
    (spec,) = [output for output in manifest["outputs"] if output["name"] == "landmarks"]
    if values.dtype == np.int8:
        values = (values.astype(np.float32) - spec["zero_point"]) * spec["scale"]
    return values.reshape(-1, 2).astype(np.float64)


def open_litert(model: str) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    return _interpreted(Interpreter(model_path=model, num_threads=1))


def open_tflite_runtime(model: str) -> Predict:
    from tflite_runtime.interpreter import Interpreter

    return _interpreted(Interpreter(model_path=model, num_threads=1))


def open_tensorflow(model: str) -> Predict:
    import tensorflow as tf

    return _interpreted(tf.lite.Interpreter(model_path=model, num_threads=1))


def _interpreted(interpreter: object) -> Predict:
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    exits = [details["index"] for details in interpreter.get_output_details()]

    def predict(crop: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(entry, crop)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in exits]

    return predict


def open_tflite_micro(model: str) -> Predict:
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(model, arena_size=16 * 2**20)

    def predict(crop: np.ndarray) -> list[np.ndarray]:
        interpreter.set_input(crop, 0)
        interpreter.invoke()
        return [interpreter.get_output(index) for index in range(2)]

    return predict


def open_onnxruntime(model: str) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda crop: session.run(None, {name: crop})


def open_openvino(model: str) -> Predict:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    return lambda crop: [np.array(value) for value in compiled(crop).values()]


def open_opencv(model: str) -> Predict:
    import cv2

    cv2.setNumThreads(1)
    network = cv2.dnn.readNet(model)
    names = network.getUnconnectedOutLayersNames()

    def predict(crop: np.ndarray) -> list[np.ndarray]:
        network.setInput(crop)
        return list(network.forward(names))

    return predict


def open_onnx_reference(model: str) -> Predict:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(model)
    return lambda crop: evaluator.run(None, {evaluator.input_names[0]: crop})


OPENERS = {
    "litert": open_litert,
    "tflite-runtime": open_tflite_runtime,
    "tensorflow": open_tensorflow,
    "tflite-micro": open_tflite_micro,
    "onnxruntime": open_onnxruntime,
    "openvino": open_openvino,
    "opencv": open_opencv,
    "onnx-reference": open_onnx_reference,
}
PACKAGES = {
    "litert": "ai-edge-litert",
    "tflite-runtime": "tflite-runtime",
    "tensorflow": "tensorflow-cpu",
    "tflite-micro": "tflite-micro",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "opencv": "opencv-python-headless",
    "onnx-reference": "onnx",
}

if __name__ == "__main__":
    main()
