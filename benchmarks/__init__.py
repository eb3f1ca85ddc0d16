"""Benchmarks of artifacts: latency, size and accuracy; records, comparisons, reports, cards."""
