"""Calibration: sampling the faces that activation ranges are measured on."""
