"""Convert a float model to TFLite, and print the size and the deviation of each artifact.

    python examples/convert.py asmnet68.keras artifacts float32 int8

Needs the extra: pip install 'asmnet-edge[convert]'. The name of a shipped model will do.
"""

import sys
from pathlib import Path

from asmnet_edge import ConvertOptions, convert

model, folder, *precisions = sys.argv[1:]
options = ConvertOptions(
    formats=("tflite",), precisions=tuple(precisions), output=Path(folder), overwrite=True
)
report = convert(model, options, progress=print)
for result in report.results:
    size, deviation = result.manifest.bytes / 1e6, result.manifest.parity["max_px"]
    print(f"{result.path.name}: {size:.1f} MB, at most {deviation:.2f} px off")
