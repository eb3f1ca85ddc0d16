"""Checks of artifacts against the float model."""
