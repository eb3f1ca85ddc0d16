"""Write the model card: measure float models and their int8 artifacts, and describe the results.

    python scripts/make_card.py asmnet_edge/weights/asmnet68.keras --data 300w:DIR \\
        --output docs/model-card

writes ``docs/model-card.md``, its figures as ``docs/model-card.json`` and pictures into
``docs/model-card/``. No picture shows a face of the data set: only drawn faces are shown.
``--render`` writes text and plots again, from the stored measurements and the current remarks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from asmnet_edge.benchmarks.callable_model import CallableModel, open_for_accuracy
from asmnet_edge.benchmarks.evaluation.plots import write_worst_faces
from asmnet_edge.benchmarks.evaluation.subsets import TRAINING
from asmnet_edge.benchmarks.model_card.card import (
    CardPlan,
    card_of,
    paths_of,
    read_card,
    write_card,
)
from asmnet_edge.benchmarks.model_card.illustrations import drawn_file, turned_file, write_gallery
from asmnet_edge.benchmarks.model_card.measurements import (
    SomeFaces,
    format_figures,
    measure,
    on_drawn_faces,
    on_turned_faces,
    shipped_int8,
)
from asmnet_edge.benchmarks.model_card.provenance import facts_of, read_known
from asmnet_edge.benchmarks.phases import Progress
from asmnet_edge.cli.console import note, silenced
from asmnet_edge.converters.calibration.calibration_set import COUNT
from asmnet_edge.converters.conversion import ConvertOptions, convert, import_packages
from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.datasets.sample import Dataset
from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.formats import all_formats, format_names, format_of
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import make_folder

SHOWN = 12  # of the worst drawn faces
NO_DRAWN: Mapping[str, Any] = MappingProxyType({"drawn": None, "wide": None})
KNOWN = Path(__file__).parents[1] / "docs" / "weights.toml"


def main() -> None:
    given = arguments()
    try:
        if given.render:
            write_card(renewed(read_card(given.output), given.known), given.output)
        else:
            make(given)
    except AsmnetEdgeError as error:
        note(f"error: {error}")
        sys.exit(error.exit_code)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("models", nargs="*", type=Path, metavar="MODEL.keras")
    add(
        "--data",
        metavar="KIND:PATH",
        help="data set with test and training faces, for results and calibration",
    )
    add("--output", type=Path, default=Path("docs/model-card"), help="path without suffix")
    add("--known", type=Path, default=KNOWN, metavar="FILE.toml",
        help="remarks on the weights, and their training logs")  # fmt: skip
    add("--artifacts", type=Path, help="folder in which the int8 artifacts are kept and reused")
    add("--drawn", type=count, default=CardPlan.drawn, help="number of drawn faces with exact pose")
    add("--wide", type=count, default=CardPlan.wide, help="number of drawn faces of every yaw")
    add(
        "--faces",
        type=count,
        help="use at most this many faces of each kind, and mark the card as a quick check",
    )
    add("--threads", type=count, help="threads for the network; by default the number of cores")
    add("--render", action="store_true", help="write text and plots again, measure nothing")
    return parser.parse_args()


def count(text: str) -> int:
    """Return a number >= 1; argparse reports the `ValueError` for anything else."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def renewed(card: dict[str, Any], known: Path) -> dict[str, Any]:
    """Return ``card`` with the current remarks and logs of the file ``known``."""
    found = read_known(known)
    models = [{**model, **facts_of(model["sha256"], found)} for model in card["models"]]
    return {**card, "models": models}


def make(given: argparse.Namespace) -> None:
    plan = CardPlan(tuple(given.models), given.data, given.output, given.known,
                    given.faces, given.drawn, given.wide)  # fmt: skip
    with silenced():
        import_packages(all_formats())
    dataset = open_dataset(plan.data)
    if TRAINING not in dataset.subsets:
        raise DataError(f"{dataset.name} has no training part here to calibrate int8 on")
    faces = SomeFaces(dataset, plan.faces) if plan.faces else dataset
    make_folder(paths_of(plan.output)[2])
    origins = plan.origins()  # checked before the measurements, which take minutes
    for path, origin in origins.items():
        if not (origin["remarks"] or origin["log"]):
            note(f"{plan.known} has no entry for this {path.name}")
    sections = [section_of(path, origins[path], faces, plan, given) for path in plan.models]
    write_card(card_of(sections, faces, plan.data_words, plan.command, plan.faces), plan.output)
    note(f"written: {paths_of(plan.output)[0]}")


def section_of(
    path: Path,
    origin: dict[str, Any],
    faces: Dataset,
    plan: CardPlan,
    given: argparse.Namespace,
) -> dict[str, Any]:
    """Return the card's section on the model at ``path``; write pictures of drawn faces."""
    with silenced():
        model = open_for_accuracy(path, given.threads)
    figures, found = measure(model, faces, progress_of(path))
    drawn = (
        drawn_faces(model, plan, origin, progress_of(path)) if model.scheme is IBUG68 else NO_DRAWN
    )
    shipped = shipped_int8(path, origin["sha256"])
    with folder_for(given.artifacts, origin["sha256"]) as folder:
        artifacts = [*([shipped] if shipped else []), *converted(path, shipped, plan, folder)]
        rows = [
            format_figures(artifact, artifact == shipped, model, found, given.threads)
            for artifact in artifacts
        ]
    return {**origin, **figures, **drawn, "formats": rows}


def drawn_faces(
    model: CallableModel, plan: CardPlan, origin: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """Return the figures on drawn faces; write the worst of them, and turned heads."""
    folder = paths_of(plan.output)[2]
    drawn, seen = on_drawn_faces(model, plan.at_most(plan.drawn), progress)
    write_worst_faces(seen, model.crop, folder / drawn_file(origin), SHOWN, columns=6)
    wide = on_turned_faces(model, plan.at_most(plan.wide), progress)
    write_gallery(model, folder / turned_file(origin))
    return {"drawn": drawn, "wide": wide}


def converted(path: Path, shipped: Path | None, plan: CardPlan, folder: Path) -> list[Path]:
    """Int8 artifacts in ``folder`` of the formats that none is shipped in."""
    there = format_of(shipped).name if shipped else None
    options = ConvertOptions(
        formats=tuple(name for name in format_names() if name != there),
        precisions=("int8",),
        output=folder,
        data=plan.data,
        faces=plan.at_most(COUNT),
        resume=True,
    )
    with silenced():
        return list(convert(path, options).paths)


@contextmanager
def folder_for(kept: Path | None, sha256: str) -> Iterator[Path]:
    """Folder for the artifacts of the model ``sha256``: in ``kept``, or a temporary one."""
    with tempfile.TemporaryDirectory() as folder:
        yield kept / sha256[:12] if kept else Path(folder)


def progress_of(path: Path) -> Callable[[str, int], Callable[[], None]]:
    """Return a progress that prints lines: the phase and its number of faces."""

    def progress(what: str, steps: int) -> Callable[[], None]:
        note(f"{path.name}: {steps} {what}")
        return lambda: None

    return progress


if __name__ == "__main__":
    main()
