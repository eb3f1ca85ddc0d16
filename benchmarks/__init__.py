"""Measuring artifacts on this very machine: latency, and what int8 cost in accuracy."""
