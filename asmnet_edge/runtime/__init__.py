"""What runs on the device: LiteRT, ONNX Runtime and OpenVINO behind one small protocol."""
