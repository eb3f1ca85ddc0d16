"""Landmark schemes, landmarks, crops, pose, shape model and metrics."""
