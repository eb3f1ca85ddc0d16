"""Face landmarks and head pose on edge devices: train, convert to int8, measure, run."""

__version__ = "0.1.0"
