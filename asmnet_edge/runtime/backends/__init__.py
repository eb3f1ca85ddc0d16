"""LiteRT, ONNX Runtime and OpenVINO behind one small protocol."""
