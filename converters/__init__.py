"""Conversion of a float model to artifacts: inference graph, calibration, exporters, checks."""
