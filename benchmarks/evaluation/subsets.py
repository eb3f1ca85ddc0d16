"""Subsets of a data set, a model's predictions on them, and their figures by the protocols.

In profile the outer eye corners lie close together, so that the NME over their distance means
little: beside it stands the one over the face's box, which keeps its size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.accuracy import truth_figures
from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.evaluation_faces import (
    Outputs,
    check_sizes,
    failure_threshold,
    gaps_in_words,
    missing_as_json,
)
from asmnet_edge.benchmarks.phases import Progress
from asmnet_edge.datasets.annotated_crops import Annotations
from asmnet_edge.datasets.sample import Dataset, Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, NotAFaceError, UsageError
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.crop import CropRule, cut
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.runtime.backends.backend import Crop

EDGES = (0.0, 15.0, 30.0, 45.0, 60.0, 90.0)  # of |yaw| in degrees; each range has its lower one
FEWEST = 10  # faces in a range, below which no figure is given
Rows = list[dict[str, Any]]


def rows_by_yaw(outputs: Outputs, truth: Annotations) -> Rows:
    """Return a row for each range of |yaw|, even for an empty one.

    nme : in %, over the outer eye corners; nme_box : in %, over the root of the box's area; yaw_mae
    : in degrees. All are None where fewer than `FEWEST` faces are in the range. The yaw is that of
    ``truth``: exact where the data set has it, else fitted to the annotated landmarks.
    """
    place, values = np.digitize(np.abs(truth.pose[:, 0]), EDGES[1:-1]), _values(outputs, truth)
    return [
        {"from": low, "to": high, **_figures({n: v[place == k] for n, v in values.items()})}
        for k, (low, high) in enumerate(pairwise(EDGES))
    ]


def _values(outputs: Outputs, truth: Annotations) -> dict[str, FloatArray]:
    """Errors of each face, (faces,), by name of the figure."""
    eyes, box = (
        100 * metrics.nme(outputs[0], truth.landmarks, truth.scheme, over)
        for over in ("inter-ocular", "box")
    )
    yaw = metrics.angle_errors(outputs[1], truth.pose)[:, 0]
    return {"nme": eyes, "nme_box": box, "yaw_mae": yaw}


def _figures(values: Mapping[str, FloatArray]) -> dict[str, Any]:
    faces = len(values["nme"])
    enough = faces >= FEWEST
    return {"faces": faces, **{n: float(v.mean()) if enough else None for n, v in values.items()}}


# Subsets to evaluate, and what this copy of the data set lacks of them

TRAINING = "train"  # the only subset that models are trained on


@dataclass(frozen=True)
class Subset:
    """Faces of one subset; missing : parts that only the official one has; broken : left out."""

    name: str
    samples: tuple[Sample, ...]
    missing: tuple[Missing, ...] = ()
    broken: int = 0


@dataclass
class Reading:
    """Reader of subsets that collects what was broken and what was skipped.

    broken, skipped : messages, each once; refused : whether ``on_broken`` raised an error
    """

    dataset: Dataset
    on_broken: OnBroken = refuse
    broken: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: bool = False

    def report(self, error: DataError) -> None:
        """Pass ``error`` on to ``on_broken``; collect it if that lets the face be left out."""
        if error.message in self.broken:
            return
        self.refused = True
        self.on_broken(error)
        self.refused = False
        self.broken.append(error.message)

    def chosen(self, names: Sequence[str]) -> list[Subset]:
        """Return the subsets ``names``, or all test subsets that have a face.

        A data set that has training data only gives that. `DataError` if a named subset, or every
        subset, has no face here; it names the parts that are missing.
        """
        if names:
            return [self._read(name) for name in dict.fromkeys(names)]
        test = [name for name in self.dataset.subsets if name != TRAINING]
        found = [subset for name in test or [TRAINING] if (subset := self._read_or_skip(name))]
        if not found:
            raise DataError(f"there is no face to evaluate on: {'; '.join(self.skipped)}")
        return found

    def _read(self, name: str) -> Subset:
        broken: list[DataError] = []

        def report(error: DataError) -> None:
            self.report(error)
            if not isinstance(error, NotAFaceError):
                broken.append(error)

        samples, missing = self.dataset.samples(name, report), tuple(self.dataset.missing(name))
        if not samples:
            gaps = gaps_in_words(missing_as_json(missing), len(broken))
            raise DataError(f"no face of {name!r} is here" + (f": it lacks {gaps}" if gaps else ""))
        return Subset(name, tuple(samples), missing, len(broken))

    def _read_or_skip(self, name: str) -> Subset | None:
        try:
            return self._read(name)
        except DataError as error:
            if self.refused:
                raise
            self.skipped.append(f"{name} is left out: {error.message}")
            return None


# Predictions and figures

BATCH = 32  # faces in memory at once


@dataclass(frozen=True)
class Predictions:
    """Outputs of a model for faces, beside the faces' annotations.

    samples : faces whose pictures could be read; outputs : landmarks (faces, n, 2) relative
    to the crops, pose (faces, 3)
    """

    samples: tuple[Sample, ...]
    truth: Annotations
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


def check_scheme(model: CallableModel, scheme: LandmarkScheme, data: str) -> None:
    """Raise `UsageError` if ``data`` is annotated by another scheme than the model's."""
    if model.scheme is not scheme:
        raise UsageError(
            f"{model.name} gives {model.scheme.points} points ({model.scheme.name}), "
            f"{data} is annotated with {scheme.points} ({scheme.name})",
            "Evaluate on a data set of the model's own scheme",
        )


def predict_faces(
    model: CallableModel,
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
        raise DataError("no face is left to evaluate on", "The reasons are in the notes above")
    landmarks, pose = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
    return Predictions(tuple(kept), Annotations.of(kept, rule), (landmarks, pose))


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
    model: CallableModel,
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
    model: CallableModel,
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
