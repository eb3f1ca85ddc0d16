"""What ``make demo`` shows: six artifacts, how quick and how exact they are here, and a face.

python scripts/demo.py FOLDER [--data KIND:PATH]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from asmnet_edge.io.images import write_image
from asmnet_edge.rendering.drawn_face import draw_face

COMMAND = (sys.executable, "-m", "asmnet_edge")
SUFFIXES = ("tflite", "onnx", "xml")
FACE = 3  # seed of the face that is drawn
JOBS = min(2, os.cpu_count() or 1)  # formats converted at a time
START = perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", metavar="KIND:PATH", help="Real faces.  [default: drawn ones]")
    given = parser.parse_args()
    data = ["--data", given.data] if given.data else []
    convert(given.folder, data)
    row, slower = fastest(benchmark(given.folder, data))
    picture = draw(given.folder, given.folder / row["file"])
    heading("done")
    print(verdict(row, slower))
    print(f"A drawn face with its landmarks: {picture}")
    print(f"Next: .venv/bin/asmnet-edge predict PICTURE --model {given.folder / row['file']}")


def heading(text: str) -> None:
    """Print what begins now and when that is; for terminals and logs alike."""
    print(f"\n[{perf_counter() - START:4.0f} s] {text}", flush=True)


def run(*words: object) -> None:
    """Run ``asmnet-edge`` with ``words``; where it fails, it has said why, and so ends the demo."""
    # NumPy's OpenBLAS alone: its threads get into each other's way in small products
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    ended = subprocess.run([*COMMAND, *map(str, words)], env=environment)
    if ended.returncode:
        sys.exit(ended.returncode)


def convert(folder: Path, data: list[str]) -> None:
    heading("1 of 3: the shipped float model becomes TFLite, ONNX and OpenVINO, float32 and int8")
    run("convert", "all", "--output", folder, "--overwrite", "--jobs", JOBS, *data)


def benchmark(folder: Path, data: list[str]) -> list[dict[str, Any]]:
    """Measure all artifacts and the float model, without cold starts; return the rows."""
    heading("2 of 3: each is measured on this machine, in turns (200 calls; no cold starts)")
    artifacts = [path for suffix in SUFFIXES for path in sorted(folder.glob(f"*.{suffix}"))]
    output = ("--output", folder / "record.json", "--overwrite")
    run("benchmark", "run", *artifacts, "--no-cold", *data, *output)
    rows: list[dict[str, Any]] = json.loads((folder / "record.json").read_text())["results"]
    return rows


def draw(folder: Path, model: Path) -> Path:
    """Find the landmarks of a drawn face with ``model``; path of the picture that shows them."""
    heading("3 of 3: the quickest one looks at a face")
    write_image(folder / "face.png", draw_face(FACE).picture)
    run("predict", folder / "face.png", "--model", model, "--output", folder, "--overwrite")
    return folder / "face-faces.jpg"


def fastest(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the int8 artifact of the smallest median, and float32 in the same format."""
    quick = min((row for row in rows if row["precision"] == "int8"), key=median)
    (plain,) = (
        row for row in rows if (row["format"], row["precision"]) == (quick["format"], "float32")
    )
    return quick, plain


def median(row: dict[str, Any]) -> float:
    """Return the time of the median call, ms."""
    return float(row["latency_ms"]["p50"])


def verdict(int8: dict[str, Any], float32: dict[str, Any]) -> str:
    """Return one sentence: which file, how much quicker and smaller it is, what it costs."""
    far = int8["accuracy"]["deviation_iod_percent"]
    return (
        f"On this machine ship {int8['file']}: {median(int8):.1f} ms a face, "
        f"{median(float32) / median(int8):.1f} times as fast as float32 in the same "
        f"format and {float32['bytes'] / int8['bytes']:.1f} times smaller; "
        f"its landmarks lie {far:.2f} % of the distance between the eyes off the float model's."
    )


if __name__ == "__main__":
    main()
