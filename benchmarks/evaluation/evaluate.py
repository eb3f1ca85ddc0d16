"""Evaluation of a model on a data set, from the faces to the files that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asmnet_edge
from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.evaluation.plots import draw_curves, draw_sensitivity, write_worst_faces
from asmnet_edge.benchmarks.evaluation.robustness import every_kth, reach, sensitivity, tilt_figures
from asmnet_edge.benchmarks.evaluation.subsets import (
    Predictions,
    Reading,
    Subset,
    check_scheme,
    evaluate,
    threshold_percent,
)
from asmnet_edge.benchmarks.evaluation.tables import notes_of
from asmnet_edge.benchmarks.phases import Progress
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.datasets.pack_file import PackFile
from asmnet_edge.datasets.sample import Dataset, OnBroken, refuse
from asmnet_edge.errors import MissingExtraError
from asmnet_edge.io.files import write_json

SCHEMA_VERSION = 1
JSON, CURVES, WORST, SENSITIVITY = FILES = (
    *("evaluation.json", "ced.png", "worst-faces.png", "sensitivity.png"),
)


@dataclass(frozen=True)
class EvaluationPlan:
    """Faces and conditions of an evaluation.

    words : ``dataset`` as the user named it; subsets : to evaluate, empty for all test subsets
    sensitivity : measure displaced crops; tilt : measure pictures turned by `robustness.DEGREES`
    on_broken : is called with each unreadable picture's error; if it returns, the face is left out
    """

    dataset: Dataset
    words: str
    subsets: Sequence[str] = ()
    sensitivity: bool = True
    tilt: bool = False
    on_broken: OnBroken = refuse


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation; ``content`` is the JSON file's: no times, so that two runs agree."""

    content: dict[str, Any]
    predictions: Predictions


def run_evaluation(model: CallableModel, plan: EvaluationPlan, progress: Progress) -> Evaluation:
    """Evaluate ``model``; `UsageError` or `DataError` if the faces do not suit it."""
    check_scheme(model, plan.dataset.scheme, plan.words)
    reading = Reading(plan.dataset, plan.on_broken)
    subsets = reading.chosen(plan.subsets)
    predictions, rows = evaluate(model, subsets, progress, reading.report)
    evaluated = {row["name"] for row in rows}
    unreadable = [f"{s.name} is left out: none of its pictures can be read" for s in subsets
            if s.name not in evaluated]  # fmt: skip
    content = {
        "schema_version": SCHEMA_VERSION,
        "asmnet_edge": asmnet_edge.__version__,
        "model": {**to_json(model.description), "threads": model.description.threads},
        "data": _data(plan, predictions),
        "failure_threshold_percent": threshold_percent(model.scheme),
        "subsets": rows,
        "sensitivity": _sensitivity(model, predictions, progress) if plan.sensitivity else None,
        "broken": reading.broken,
    }
    if plan.tilt:
        content["tilt"] = _tilt(model, subsets, predictions, progress)
    packed = _packed(model, plan)
    content["notes"] = [*notes_of(content), *packed, *reading.skipped, *unreadable]
    return Evaluation(content, predictions)


def write_evaluation(evaluation: Evaluation, model: CallableModel, folder: Path) -> list[str]:
    """Write the files of `FILES` into ``folder``; return why some could not be drawn.

    Files of an earlier evaluation are replaced or removed.
    """
    write_json(folder / JSON, evaluation.content)
    write_worst_faces(evaluation.predictions, model.crop, folder / WORST)
    if not evaluation.content["sensitivity"]:
        (folder / SENSITIVITY).unlink(missing_ok=True)
    try:
        _draw(evaluation.content, folder)
    except MissingExtraError as error:
        for name in (CURVES, SENSITIVITY):
            (folder / name).unlink(missing_ok=True)
        return [f"The plots were left out: {error}"]
    return []


def _draw(content: dict[str, Any], folder: Path) -> None:
    draw_curves(content, folder / CURVES)
    if content["sensitivity"]:
        draw_sensitivity(content, folder / SENSITIVITY)


def _data(plan: EvaluationPlan, predictions: Predictions) -> dict[str, Any]:
    dataset = plan.dataset
    return {
        "name": dataset.name,
        "given": plan.words,
        "scheme": dataset.scheme.name,
        "licence": dataset.licence,
        "drawn": any(sample.drawn for sample in predictions.samples),
    }


def _packed(model: CallableModel, plan: EvaluationPlan) -> list[str]:
    """Notes on figures of faces that come from a pack."""
    if not isinstance(plan.dataset, PackFile):
        return []
    facts = plan.dataset.facts
    margin, size = facts.rule.margin, facts.rule.size
    lines = [
        f"pack: these crops are cut from stored ones ({margin:g} x the box, {size} pixels, "
        f"JPEG {facts.quality}); figures differ a little from those on the original pictures"
    ]
    needed = reach(model.crop) if plan.sensitivity else model.crop.margin
    if model.crop.upright or plan.tilt:
        needed = max(needed, 2**0.5 * model.crop.margin)
    if needed > margin:
        lines.append(f"pack: crops reach up to {needed:.2f} x the box; beyond {margin:g} is grey")
    return lines


def _tilt(
    model: CallableModel, subsets: Sequence[Subset], predictions: Predictions, progress: Progress
) -> dict[str, Any]:
    samples, here = predictions.samples, {sample.name for sample in predictions.samples}
    names = {subset.name: [s.name for s in subset.samples if s.name in here] for subset in subsets}
    parts = {subset: of for subset, of in names.items() if of}
    return tilt_figures(model, samples, parts, progress("tilt", len(samples)))


def _sensitivity(
    model: CallableModel, predictions: Predictions, progress: Progress
) -> dict[str, Any]:
    chosen = every_kth(predictions.samples)
    return sensitivity(model, chosen, progress("sensitivity", len(chosen)))
