"""Annotated faces: one module a data set, and packs, splits, checks and statistics."""
