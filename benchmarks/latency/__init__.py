"""Latency: calls timed in turns, the machine watched meanwhile, every sample kept."""
