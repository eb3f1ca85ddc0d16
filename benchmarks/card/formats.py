"""Cost of int8 in each format: artifacts against their float model on the same crops."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.accuracy.figures import accuracy
from asmnet_edge.benchmarks.accuracy.truth import EvaluationFaces
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel, open_model
from asmnet_edge.benchmarks.evaluation.evaluation import Predictions
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.data.crops import crops_of
from asmnet_edge.errors import ModelError
from asmnet_edge.formats.builtin import TFLITE
from asmnet_edge.manifest import Precision, read_manifest

KEPT = (
    *("nme", "nme_interval", "nme_drop", "nme_drop_interval", "failure_rate", "pose_mae_drop"),
    *("pose_mae_drop_interval", "deviation_iod_percent", "deviation_pixels"),
)


def shipped_int8(source: Path, source_sha256: str) -> Path | None:
    """Return the int8 TFLite file beside ``source``, if there is one.

    `ModelError` if it was converted from other weights: they must not be shipped together.
    """
    path = source.with_name(f"{source.stem}-{Precision.INT8}{TFLITE.suffix}")
    if not path.exists():
        return None
    if read_manifest(path).source_sha256 != source_sha256:
        raise ModelError(
            f"{path.name} was not made from the {source.name} beside it",
            f"Make it again: asmnet-edge convert tflite {source} --precision int8 --data 300w:DIR",
        )
    return path


def format_figures(
    path: Path, shipped: bool, float_model: EvaluatedModel, found: Mapping[str, Predictions],
    threads: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Compare the artifact at ``path`` with the float model's predictions, subset by subset."""
    model, manifest = open_model(path, threads), read_manifest(path)
    if manifest.source_sha256 != float_model.facts["sha256"]:
        raise ModelError(f"{path.name} was not made from {float_model.facts['name']}")
    return {
        **{key: model.facts[key] for key in ("name", "format", "precision", "runtime", "bytes")},
        "sha256": model.facts["sha256"],
        "operators": model.facts["operators"],
        "shipped": shipped,
        "calibration": _calibration(manifest.calibration),
        "tools": dict(manifest.tools),
        "subsets": {name: _against(model, part) for name, part in found.items()},
    }


def _against(model: EvaluatedModel, part: Predictions) -> dict[str, Any]:
    truth, name = part.truth, str(model.facts["name"])
    rule = model.crop.level  # as `predict_faces` cut them
    faces = EvaluationFaces(
        *(crops_of(part.samples, rule), truth.landmarks, truth.pose, truth.scheme),
        *(rule, name, truth.pose_is_exact),
        identities=truth.identities,
    )
    figures = to_json(accuracy(model.outputs(faces.crops), part.outputs, faces))
    return {key: figures[key] for key in KEPT}


def _calibration(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if facts is None else {key: facts[key] for key in ("source", "count", "sha256")}
