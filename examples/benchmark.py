"""Measure the latency of artifacts on this machine, and keep all samples as a JSON record.

    python examples/benchmark.py record.json asmnet68-int8.tflite asmnet68-128-int8.tflite

The float model, for accuracy drops, is left out: it needs Keras. Names of shipped models will do.
"""

import sys
from pathlib import Path

from asmnet_edge import BenchmarkOptions, run_benchmark

output, *artifacts = map(Path, sys.argv[1:])
options = BenchmarkOptions(artifacts=tuple(artifacts), with_float=False, cold=False, seconds=0.5)
record = run_benchmark(options)
for case in record.measured_cases:
    low, high = case.latency.intervals["p50"]  # 95 %
    print(f"{case.key}: {case.latency.p50:.2f} ms a face ({low:.2f} to {high:.2f})")
for case in record.failed_cases:
    print(f"{case.key}: {case.error}")
record.save(output)
