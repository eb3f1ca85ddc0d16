"""ONNX files: tf2onnx and ONNX Runtime's quantiser."""
