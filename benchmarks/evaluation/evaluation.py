"""Predictions of one model on a data set's faces, and its figures by the subset's protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.figures import truth_figures
from asmnet_edge.benchmarks.accuracy.truth import (
    Outputs,
    Truth,
    check_sizes,
    failure_threshold,
    missing_as_json,
    truth_of,
)
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.benchmarks.evaluation.subsets import Subset
from asmnet_edge.benchmarks.evaluation.yaw import rows_by_yaw
from asmnet_edge.benchmarks.session.progress import Progress
from asmnet_edge.crop import CropRule, cut
from asmnet_edge.data.sample import OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.runtime.backends.backend import Crop
from asmnet_edge.schemes import LandmarkScheme

BATCH = 32  # faces in memory at once


@dataclass(frozen=True)
class Predictions:
    """Outputs of a model for faces, beside the faces' annotations.

    samples : faces whose pictures could be read; outputs : landmarks (faces, n, 2) relative
    to the crops, pose (faces, 3)
    """

    samples: tuple[Sample, ...]
    truth: Truth
    outputs: Outputs

    @property
    def errors(self) -> FloatArray:
        """NME of each face, (faces,), as a fraction of the inter-ocular distance."""
        return metrics.nme(self.outputs[0], self.truth.landmarks, self.truth.scheme)

    def of(self, names: Sequence[str]) -> Predictions:
        """Return the predictions of the faces ``names`` in that order, without unknown names."""
        place = {sample.name: number for number, sample in enumerate(self.samples)}
        chosen = np.array([place[name] for name in names if name in place], np.intp)
        samples = tuple(self.samples[number] for number in chosen)
        outputs = self.outputs[0][chosen], self.outputs[1][chosen]
        return Predictions(samples, self.truth.select(chosen), outputs)


def check_scheme(model: EvaluatedModel, scheme: LandmarkScheme, data: str) -> None:
    """Raise `UsageError` if ``data`` is annotated by another scheme than the model's."""
    if model.scheme is not scheme:
        raise UsageError(
            f"{model.facts['name']} gives {model.scheme.points} points ({model.scheme.name}), "
            f"{data} is annotated with {scheme.points} ({scheme.name})",
            "Evaluate on a data set of the model's own scheme",
        )


def predict_faces(
    model: EvaluatedModel,
    samples: Sequence[Sample],
    tick: Callable[[], None],
    on_broken: OnBroken = refuse,
    upright: bool = False,
) -> Predictions:
    """Return the outputs of ``model`` for ``samples``, cut by its rule.

    upright : turn crops by the face's roll, as the runtime does for a network that expects it;
    otherwise they are level, as the protocols have it. tick : is called for each sample
    on_broken : is called with each unreadable picture's error; if it returns, the face is left out
    """
    rule = replace(model.crop, upright=upright)
    kept: list[Sample] = []
    outputs: list[Outputs] = []
    for start in range(0, len(samples), BATCH):
        crops = []
        for sample in samples[start : start + BATCH]:
            tick()
            try:
                crops.append(_crop(sample, rule))
                kept.append(sample)
            except DataError as error:
                on_broken(error)
        if crops:
            outputs.append(model.outputs(np.ascontiguousarray(np.stack(crops))))
    if not kept:
        raise DataError("no face is left to evaluate on", "The notes above say why")
    landmarks, pose = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
    return Predictions(tuple(kept), truth_of(kept, rule), (landmarks, pose))


def _crop(sample: Sample, rule: CropRule) -> Crop:
    matrix = rule.matrix(sample.landmarks)
    check_sizes(sample)
    return cut(sample.load(), matrix, rule.size)[..., ::-1]


def subset_figures(subset: Subset, predictions: Predictions) -> dict[str, Any]:
    """Return the row of ``subset``, whose faces ``predictions`` holds.

    NME in % as mean, with its 95 % bootstrap interval, by other normalisers, by facial region, by
    |yaw| and for each face; failure rate and AUC as fractions; pose MAE in degrees.
    """
    landmarks, truth = predictions.outputs[0], predictions.truth
    errors = 100 * predictions.errors
    broken = subset.broken + len(subset.samples) - len(predictions.samples)
    return {
        "name": subset.name,
        "faces": len(errors),
        "missing": missing_as_json(subset.missing),
        "broken": broken,
        **truth_figures(predictions.outputs, truth),
        "nme_by_normaliser": {
            name: 100 * float(metrics.nme(landmarks, truth.landmarks, truth.scheme, name).mean())
            for name in metrics.NORMALISERS
        },
        "by_yaw": rows_by_yaw(predictions.outputs, truth),
        "errors": {
            sample.name: round(error, 5)
            for sample, error in zip(predictions.samples, errors.tolist(), strict=True)
        },
    }


def evaluate(
    model: EvaluatedModel,
    subsets: Sequence[Subset],
    progress: Progress,
    on_broken: OnBroken = refuse,
) -> tuple[Predictions, list[dict[str, Any]]]:
    """Predict each face once and return the predictions and a row for each of ``subsets``.

    A subset without a readable face has no row. Where the model expects upright faces, each row
    has figures on such crops under ``upright``, from a second pass over all faces.
    """
    samples = list({s.name: s for subset in subsets for s in subset.samples}.values())
    predictions = predict_faces(model, samples, progress("faces", len(samples)), on_broken)
    parts = [predictions.of([s.name for s in subset.samples]) for subset in subsets]
    rows = [subset_figures(s, p) for s, p in zip(subsets, parts, strict=True) if p.samples]
    if model.crop.upright:
        _add_upright(rows, model, predictions, parts, progress)
    return predictions, rows


def _add_upright(
    rows: Sequence[dict[str, Any]],
    model: EvaluatedModel,
    predictions: Predictions,
    parts: Sequence[Predictions],
    progress: Progress,
) -> None:
    """Add the figures of `truth_figures` and `rows_by_yaw` on upright crops to each of ``rows``."""
    samples = predictions.samples
    upright = predict_faces(model, samples, progress("upright", len(samples)), upright=True)
    for row, part in zip(rows, (p for p in parts if p.samples), strict=True):
        again = upright.of([sample.name for sample in part.samples])
        by_yaw = rows_by_yaw(again.outputs, again.truth)
        row["upright"] = {**truth_figures(again.outputs, again.truth), "by_yaw": by_yaw}


def threshold_percent(scheme: LandmarkScheme) -> float:
    """Return the NME in % at which error curves end and above which a face counts as failed."""
    return round(100 * failure_threshold(scheme), 6)
