"""Run the model files of this package in old and new readers, and write a table of the results.

    python scripts/make_compatibility.py ARTIFACTS --output docs/compatibility.md

ARTIFACTS : folder that ``asmnet-edge convert all MODEL --precision all`` wrote, each file with its
manifest. Each reader gets an environment of its own (NumPy and the reader, as pinned below) in
``build/compatibility``, which later runs use again. The reference is the float32 TFLite file in
this environment's LiteRT. A row states the deviation of a reader's landmarks from it on drawn
faces, in % of the eye distance, and the time of the file over that of float32 in the same reader.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asmnet_edge.benchmarks.machine import DeviceInfo
from asmnet_edge.datasets.annotated_crops import crops_of
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import AsmnetEdgeError, UsageError
from asmnet_edge.geometry.metrics import deviation
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import write_atomically
from asmnet_edge.io.manifest import read_manifest
from asmnet_edge.runtime.backends.backend import open_backend, run_all

FACES = 12
CLOSE, OFF = 0.6, 1.5  # % of the eye distance: as good as int8 is; wrong
SECONDS = 300  # for one file in one reader
READER = Path(__file__).with_name("compatibility") / "reader.py"


@dataclass(frozen=True)
class Reader:
    """A reader to try.

    kind : of `compatibility/reader.py`; label : for people; packages : what pip installs
    suffixes : of the files that it is given
    """

    kind: str
    label: str
    packages: tuple[str, ...]
    suffixes: tuple[str, ...]


READERS = (
    Reader("litert", "ai-edge-litert", ("ai-edge-litert==1.0.1", "numpy<2"), (".tflite",)),
    Reader("litert", "ai-edge-litert", ("ai-edge-litert==1.4.0", "numpy"), (".tflite",)),
    Reader("litert", "ai-edge-litert", ("ai-edge-litert==2.3.0", "numpy"), (".tflite",)),
    Reader("tflite-runtime", "tflite-runtime", ("tflite-runtime==2.14.0", "numpy<2"), (".tflite",)),
    Reader("tensorflow", "TensorFlow", ("tensorflow-cpu==2.15.1",), (".tflite",)),
    Reader("tflite-micro", "tflite-micro", ("tflite-micro==0.dev20261023182759",), (".tflite",)),
    Reader("onnxruntime", "ONNX Runtime", ("onnxruntime==1.15.1", "numpy<2"), (".onnx",)),
    Reader("onnxruntime", "ONNX Runtime", ("onnxruntime==1.20.1", "numpy"), (".onnx",)),
    Reader("onnxruntime", "ONNX Runtime", ("onnxruntime==1.32.0", "numpy"), (".onnx",)),
    Reader("onnx-reference", "onnx's reference", ("onnx==1.23.2", "numpy"), (".onnx",)),
    Reader("openvino", "OpenVINO", ("openvino==2023.2.0", "numpy<2"), (".xml", ".onnx", ".tflite")),
    Reader("openvino", "OpenVINO", ("openvino==2026.4.1", "numpy"), (".xml", ".onnx", ".tflite")),
    Reader("opencv", "OpenCV DNN", ("opencv-python-headless==4.9.0.80", "numpy<2"),
           (".onnx", ".tflite")),
    Reader("opencv", "OpenCV DNN", ("opencv-python-headless==4.14.0.94", "numpy"),
           (".onnx", ".tflite")),
    Reader("opencv", "OpenCV DNN", ("opencv-python-headless==5.0.0.93", "numpy"),
           (".onnx", ".tflite")),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Result of one file in one reader: deviation in %, time in ms, or the reason of a refusal."""

    reader: Reader
    version: str
    path: Path
    deviation: float | None = None
    milliseconds: float | None = None
    refusal: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifacts", type=Path, help="folder of artifacts and manifests")
    parser.add_argument("--output", type=Path, default=Path("docs/compatibility.md"))
    parser.add_argument("--environments", type=Path, default=Path("build/compatibility"))
    given = parser.parse_args()
    try:
        rows = list(run_all_readers(given.artifacts, given.environments))
        write_atomically(given.output, page(rows).encode())
    except AsmnetEdgeError as error:
        sys.exit(f"error: {error}")


def run_all_readers(artifacts: Path, environments: Path) -> Iterator[Row]:
    """Yield a `Row` for each file that each of `READERS` is given, and print it."""
    files = sorted(
        path for path in artifacts.iterdir() if path.with_name(path.name + ".json").exists()
    )
    if not files:
        raise UsageError(f"{artifacts} holds no artifacts", "Make them: asmnet-edge convert all")
    crops, reference = faces_and_reference(files)
    environments.mkdir(parents=True, exist_ok=True)
    np.save(environments / "crops.npy", crops)
    for reader in READERS:
        python = environment(reader, environments)
        for path in (path for path in files if path.suffix in reader.suffixes):
            row = run_reader(reader, python, path, environments, reference)
            print(line(row, [row]), flush=True)
            yield row


def faces_and_reference(files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return crops (faces, s, s, 3) and the landmarks (faces, n, 2) of the float32 TFLite file."""
    (path,) = [p for p in files if p.name.endswith("-float32.tflite")]
    rule = read_manifest(path).crop_rule
    crops = crops_of(DrawnFaces(FACES).samples("test"), rule.level)
    return crops, run_all(open_backend(path), crops)[0]


def environment(reader: Reader, folder: Path) -> Path:
    """Return the Python of the environment of ``reader``, which is made if it is not there."""
    home = folder / reader.packages[0].replace("==", "-")
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *reader.packages], check=True)
        (home / "complete").touch()
    return python


def run_reader(
    reader: Reader, python: Path, path: Path, folder: Path, reference: np.ndarray
) -> Row:
    """Run ``path`` in ``reader``, in a process of its own that may fail, crash or hang."""
    result = folder / "result.npz"
    result.unlink(missing_ok=True)
    command = [str(python), str(READER), reader.kind, str(path), str(folder / "crops.npy")]
    version = reader.packages[0].partition("==")[2]
    try:
        done = subprocess.run(
            [*command, str(result)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Row(reader, version, path, refusal=f"no result in {SECONDS} s")
    if done.returncode < 0:
        return Row(reader, version, path, refusal=f"crashed (signal {-done.returncode})")
    if not result.exists():
        return Row(reader, version, path, refusal=reason(done.stderr))
    with np.load(result) as found:
        off = 100 * deviation(found["landmarks"], reference, IBUG68)
        return Row(
            reader,
            str(found["version"]),
            path,
            float(np.mean(off)),
            float(np.median(found["milliseconds"])),
        )


def reason(text: str) -> str:
    """Return the last line of an error's ``text`` without what precedes its message, shortened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or ["no reason given"])[-1].rpartition("rror: ")[2][:90].replace("|", "/")


# the page


def page(rows: Sequence[Row]) -> str:
    """Return the Markdown page of ``rows``."""
    table = "\n".join(line(row, rows) for row in rows)
    return HEAD.format(
        faces=FACES,
        cpu=DeviceInfo.of_this_machine().cpu,
        close=CLOSE,
        off=OFF,
        system=platform.system(),
        table=table,
    )


def line(row: Row, rows: Sequence[Row]) -> str:
    cells = (
        f"{row.reader.label} {row.version}",
        f"`{row.path.name}`",
        verdict(row),
        "" if row.deviation is None else f"{row.deviation:.3f}",
        ratio(row, rows),
    )
    return f"| {' | '.join(cells)} |"


def verdict(row: Row) -> str:
    if row.deviation is None:
        return f"refused: {row.refusal}"
    if not np.isfinite(row.deviation) or row.deviation > OFF:
        return "**wrong**"
    return "right" if row.deviation <= CLOSE else "less accurate"


def ratio(row: Row, rows: Sequence[Row]) -> str:
    """Return the time of ``row`` over that of the float32 file of its format in the same reader."""
    plain = [
        other
        for other in rows
        if (other.reader, other.path.suffix) == (row.reader, row.path.suffix)
        and other.path.stem.endswith("-float32")
    ]
    if row.milliseconds is None or not plain or plain[0].milliseconds is None:
        return ""
    return f"{row.milliseconds / plain[0].milliseconds:.2f}"


HEAD = """# Which reader computes which file right

Each row is one of our model files, run in one reader on {faces} drawn faces. *Deviation* is the
mean distance of the landmarks to those of the float32 TFLite file, in % of the distance between the
outer eye corners: up to {close} % is the usual cost of int8 (*right*), and more than {off} % is
*wrong*. *Time* is that of the file over that of the float32 file of the same format in the same
reader, one thread each, the median of 30 calls. Measured on {cpu}, {system}.

In short: in OpenVINO use the `.xml` file, since old versions misread int8 `.tflite` files without
an error. In OpenCV's DNN module use a float `.onnx` file. tflite-micro runs `int8` and `int8-io`
only. tflite-runtime and TensorFlow's own interpreter compute int8 right, but not faster than
float32.

Made by two commands:

    asmnet-edge convert all asmnet68-128.keras --precision all --precision int8-io
    python scripts/make_compatibility.py artifacts

| reader | file | result | deviation % | time |
|---|---|---|---|---|
{table}
"""

if __name__ == "__main__":
    main()
