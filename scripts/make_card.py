"""Make the model card: measure float models and what int8 costs them, and write it all down.

    python scripts/make_card.py asmnet_edge/weights/asmnet68.keras --data 300w:DIR \\
        --output docs/model-card

writes ``docs/model-card.md``, its figures as ``docs/model-card.json`` and pictures into
``docs/model-card/``. No picture shows a face of the data set: only drawn faces are shown.
``--render`` writes text and plots anew from the figures that are there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.card.card import card_of, log_before, paths_of, read_card, write_card
from asmnet_edge.benchmarks.card.formats import format_figures, shipped_int8
from asmnet_edge.benchmarks.card.measured import SomeFaces, measure, on_drawn_faces
from asmnet_edge.benchmarks.card.origin import origin_of, without_folders
from asmnet_edge.benchmarks.card.pictures import drawn_file
from asmnet_edge.benchmarks.card.remarks import read_remarks
from asmnet_edge.benchmarks.card.trainlog import read_logs
from asmnet_edge.benchmarks.evaluation.evaluated import open_model
from asmnet_edge.benchmarks.evaluation.worst_faces import write_worst_faces
from asmnet_edge.cli.plain import note, silenced
from asmnet_edge.cli.terminal import import_quietly
from asmnet_edge.converters.calibration.crops import COUNT
from asmnet_edge.converters.calibration.sources import FaceSource
from asmnet_edge.converters.orders import orders_for
from asmnet_edge.data.catalog import open_dataset
from asmnet_edge.data.sample import Dataset
from asmnet_edge.errors import AsmnetEdgeError, UsageError
from asmnet_edge.schemes import IBUG68

DRAWN = 1000  # faces
SHOWN = 12  # of the worst of them
FORMATS = ("tflite", "onnx", "openvino")
REMARKS = Path(__file__).parents[1] / "docs" / "model-card-remarks.toml"


def main() -> None:
    try:
        make(arguments())
    except AsmnetEdgeError as error:
        note(f"error: {error}")
        sys.exit(error.exit_code)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("models", nargs="*", type=Path, metavar="MODEL.keras")
    add("--data", metavar="KIND:PATH", help="test faces, and training faces to calibrate int8 on")
    add("--output", type=Path, default=Path("docs/model-card"), help="path without suffix")
    add("--log", action="append", default=[], metavar="[MODEL.keras=]FILE",
        help="log.csv of a model's training; once for each run that it went through")  # fmt: skip
    add("--remarks", type=Path, default=REMARKS, help="TOML file of remarks on certain weights")
    add("--artifacts", type=Path, help="folder to keep the int8 artifacts in, for the next time")
    add("--drawn", type=int, default=DRAWN, help="drawn faces with exact pose")
    add("--faces", type=int, help="at most so many of each kind: a trial, and marked as one")
    add("--threads", type=int, help="of the models; by default as many as there are cores")
    add("--render", action="store_true", help="only write text and plots anew")
    return parser.parse_args()


def make(given: argparse.Namespace) -> None:
    if given.render:
        return write_card(read_card(given.output), given.output)
    if not given.models or not given.data:
        raise UsageError("a card needs a MODEL.keras and --data", "Such as --data 300w:DIR")
    if len({path.stem for path in given.models}) < len(given.models):
        raise UsageError("two models are called the same", "Each needs a name of its own")
    import_quietly("tensorflow", "keras", "onnx", "onnxruntime", "openvino", "nncf",
                   extra="convert")  # fmt: skip
    dataset = open_dataset(given.data)
    faces = SomeFaces(dataset, given.faces) if given.faces else dataset
    logs, remarks = logs_of(given), read_remarks(given.remarks)
    sections = [section_of(path, faces, given, logs[path], remarks) for path in given.models]
    card = card_of(sections, faces, data_of(given), command_of(given), given.faces)
    write_card(card, given.output)
    note(f"written: {paths_of(given.output)[0]}")


def section_of(
    path: Path,
    faces: Dataset,
    given: argparse.Namespace,
    logs: list[Path],
    remarks: dict[str, list[str]],
) -> dict[str, Any]:
    """All that the card says of the model at ``path``; the worst drawn faces are written too."""
    origin = origin_of(path)
    log = read_logs(logs) if logs else log_before(given.output, origin["sha256"])
    if not (said := remarks.get(origin["sha256"], [])):
        note(f"{given.remarks} has no remark on these {path.name}")
    shipped = shipped_int8(path, origin["sha256"])
    with silenced():
        model = open_model(path, given.threads)
    figures, found = measure(model, faces, told(path))
    drawn = None
    if model.scheme is IBUG68:
        count = min(given.drawn, given.faces or given.drawn)
        drawn, seen = on_drawn_faces(model, count, told(path))
        picture = paths_of(given.output)[2] / drawn_file(origin)
        write_worst_faces(seen, model.crop, picture, SHOWN, columns=6)
    with folder_for(given.artifacts, origin["sha256"]) as folder:
        artifacts = [*([shipped] if shipped else []), *converted(path, shipped, given, folder)]
        rows = [
            format_figures(artifact, artifact == shipped, model, found, given.threads)
            for artifact in artifacts
        ]
    told_too = {"path": shown(path), "remarks": said, "log": log}
    return {**origin, **told_too, **figures, "drawn": drawn, "formats": rows}


def converted(
    path: Path, shipped: Path | None, given: argparse.Namespace, folder: Path
) -> list[Path]:
    """Int8 artifacts in ``folder`` of the formats that none is shipped in."""
    from asmnet_edge.cli.convert.run import carry_out

    formats = [name for name in FORMATS if not (shipped and name == "tflite")]
    count = min(COUNT, given.faces or COUNT)
    orders = orders_for(formats, ["int8"])
    made, _ = carry_out(orders, path, folder, FaceSource(given.data, count), 1, True, None)
    for one in made:
        if one.failure:
            raise one.failure
    return [one.path for one in made]


@contextmanager
def folder_for(kept: Path | None, sha256: str) -> Iterator[Path]:
    """Where the artifacts of the model ``sha256`` are made: in ``kept``, or for this time only."""
    with tempfile.TemporaryDirectory() as folder:
        yield kept / sha256[:12] if kept else Path(folder)


def logs_of(given: argparse.Namespace) -> dict[Path, list[Path]]:
    """The logs of each model, as ``--log`` names them; without a name they are the one model's."""
    found: dict[Path, list[Path]] = {path: [] for path in given.models}
    for words in given.log:
        name, file = words.split("=", 1) if "=" in words else (given.models[0].name, words)
        named = [path for path in given.models if path.name == name]
        if not named or ("=" not in words and len(given.models) > 1):
            raise UsageError(
                f"--log {words} does not tell whose it is", "Write --log MODEL.keras=FILE"
            )
        found[named[0]].append(Path(file))
    return found


def command_of(given: argparse.Namespace) -> str:
    """The command that makes the card again, less what only tells of this machine."""
    models = " ".join(map(shown, given.models))
    faces = f" --faces {given.faces}" if given.faces else ""
    given_data, output = data_of(given), shown(given.output)
    return f"python scripts/make_card.py {models} --data {given_data}{faces} --output {output}"


def shown(path: Path) -> str:
    """``path`` as seen from here; of one that lies elsewhere its name alone."""
    here, there = Path.cwd(), path.resolve()
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else path.name


def data_of(given: argparse.Namespace) -> str:
    """The data set as a reader would name it: ``300w:DIR``."""
    words = without_folders(given.data)
    return words if ":" in words else f"{words}:DIR"


def told(path: Path) -> Callable[[str, int], Callable[[], None]]:
    """Progress as lines: what is worked at, and on how many faces."""

    def progress(what: str, steps: int) -> Callable[[], None]:
        note(f"{path.name}: {steps} {what}")
        return lambda: None

    return progress


if __name__ == "__main__":
    main()
