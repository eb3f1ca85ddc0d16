"""What ``make demo`` runs: six artifacts, how fast and how accurate they are here, and a face.

python scripts/demo.py FOLDER [--data KIND:PATH]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.summary import Conclusion, conclusion
from asmnet_edge.formats import suffixes
from asmnet_edge.io.images import write_image
from asmnet_edge.io.system import limit_blas_threads
from asmnet_edge.rendering.drawn_face import draw_face

COMMAND = (sys.executable, "-m", "asmnet_edge")
FACE = 3  # seed of the face that is drawn
JOBS = min(2, os.cpu_count() or 1)  # formats converted at a time
START = perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", metavar="KIND:PATH", help="Real faces.  [default: drawn ones]")
    given = parser.parse_args()
    data = ["--data", given.data] if given.data else []
    limit_blas_threads()  # of the commands below, `convert` among them
    convert(given.folder, data)
    found = benchmark(given.folder, data)
    if found.best is None:
        sys.exit(found.sentence)
    model = given.folder / found.best.case.file_name
    picture = draw(given.folder, model)
    heading("done")
    print(found.sentence)
    print(f"A drawn face with its landmarks: {picture}")
    print(f"Next: .venv/bin/asmnet-edge predict PICTURE --model {model}")


def heading(text: str) -> None:
    """Print the name of the next part and the time; for terminals and logs alike."""
    print(f"\n[{perf_counter() - START:4.0f} s] {text}", flush=True)


def run(*words: object) -> None:
    """Run ``asmnet-edge`` with ``words``; a failure has printed its error and ends the demo."""
    ended = subprocess.run([*COMMAND, *map(str, words)])
    if ended.returncode:
        sys.exit(ended.returncode)


def convert(folder: Path, data: list[str]) -> None:
    heading("1 of 3: the shipped float model becomes TFLite, ONNX and OpenVINO, float32 and int8")
    run("convert", "all", "--output", folder, "--overwrite", "--jobs", JOBS, *data)


def benchmark(folder: Path, data: list[str]) -> Conclusion:
    """Measure all artifacts and the float model, without cold starts; return the conclusion."""
    heading("2 of 3: each is measured on this machine, in turns (200 calls; no cold starts)")
    artifacts = [path for suffix in suffixes() for path in sorted(folder.glob(f"*{suffix}"))]
    output = ("--output", folder / "record.json", "--overwrite")
    run("benchmark", "run", *artifacts, "--no-cold", *data, *output)
    return conclusion(BenchmarkRecord.load(folder / "record.json").typed)


def draw(folder: Path, model: Path) -> Path:
    """Find the landmarks of a drawn face with ``model``; path of the picture that shows them."""
    heading("3 of 3: the fastest one finds the landmarks of a drawn face")
    write_image(folder / "face.png", draw_face(FACE).picture)
    run("predict", folder / "face.png", "--model", model, "--output", folder, "--overwrite")
    return folder / "face-faces.jpg"


if __name__ == "__main__":
    main()
