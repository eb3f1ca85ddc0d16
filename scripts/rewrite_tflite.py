"""Rewrite TFLite artifacts of earlier versions so that all readers take them.

    python scripts/rewrite_tflite.py asmnet_edge/weights/*.tflite

Weights and results stay the same, and so do the facts in the manifest but for the file's hash. See
`asmnet_edge.converters.tflite.flatbuffer` for what changes. Exit code 1 when results would differ.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

from asmnet_edge.converters.checks.patterns import patterns
from asmnet_edge.converters.jobs import exporter_for
from asmnet_edge.converters.staging import publish, staging_directory
from asmnet_edge.io.manifest import read_manifest
from asmnet_edge.runtime.backends.backend import open_backend, run_all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.tflite")
    for path in parser.parse_args().files:
        print(rewrite(path))


def rewrite(path: Path) -> str:
    """Rewrite the artifact at ``path`` with its manifest; return a line about it."""
    manifest = read_manifest(path)
    crops = patterns(manifest.crop_rule.size)
    before = run_all(open_backend(path), crops)
    with staging_directory(path.parent) as staging:
        new = staging / path.name
        shutil.copy(path, new)
        exporter_for("tflite").embed(new, manifest.embedded())
        after = run_all(open_backend(new), crops)
        if not all(map(np.array_equal, before, after)):
            sys.exit(f"{path} would give other results: left as it is")
        published = publish(new, manifest, path.parent)
    old, now = (facts.files[-1]["sha256"] for facts in (manifest, published))
    return f"{path}: sha256 {old[:12]} -> {now[:12]}, {manifest.bytes} -> {published.bytes} bytes"


if __name__ == "__main__":
    main()
