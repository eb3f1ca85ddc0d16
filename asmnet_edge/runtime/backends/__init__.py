"""LiteRT, ONNX Runtime and OpenVINO behind one small protocol, and what may be loaded."""
