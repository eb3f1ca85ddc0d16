"""Keras models of other people, read safely and turned into float models."""
