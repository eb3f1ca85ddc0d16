"""Model to evaluate: a float model in any Keras backend, or an artifact in its runtime."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.callable_model import (
    artifact_model,
    describe_float_model,
    limit_threads,
)
from asmnet_edge.benchmarks.cases import FLOAT_SUFFIX
from asmnet_edge.benchmarks.evaluation_faces import Outputs
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.files import sha256, sha256_of_all
from asmnet_edge.io.manifest import artifact_files
from asmnet_edge.runtime.backends.backend import Crop


@dataclass(frozen=True)
class EvaluatedModel:
    """A model with what is needed to run it on faces.

    facts : its description for the evaluation's JSON; crop : rule that its crops are cut by
    predict : crops (faces, s, s, 3) uint8 RGB -> landmarks (faces, n, 2) relative to them, pose
    (faces, 3) in degrees
    """

    facts: Mapping[str, Any]
    scheme: LandmarkScheme
    crop: CropRule
    predict: Callable[[Crop], Outputs]

    def outputs(self, crops: Crop) -> Outputs:
        """Return `predict` of ``crops``; `ModelError` for numbers that are not finite."""
        outputs = self.predict(crops)
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(f"{self.facts['name']} gives numbers that are not finite")
        return outputs


def open_model(path: Path, threads: int | None = None) -> EvaluatedModel:
    """Open the float model or artifact at ``path``; ``threads`` None: as many as cores."""
    opened = _open_float if path.suffix == FLOAT_SUFFIX else _open_artifact
    return opened(path, threads)


def _open_artifact(path: Path, threads: int | None) -> EvaluatedModel:
    candidate = artifact_model(path, threads or os.cpu_count() or 1)
    hashes = {"sha256": sha256(path), "files_sha256": sha256_of_all(artifact_files(path))}
    facts = {**to_json(candidate.description), **hashes, "source_sha256": candidate.source_sha256}
    return EvaluatedModel(facts, candidate.scheme, candidate.crop, candidate.outputs)


def _open_float(path: Path, threads: int | None) -> EvaluatedModel:
    import keras

    from asmnet_edge.training.float_model import load_float_model

    if threads:
        _limit_threads(keras.backend.backend(), threads)
    model = load_float_model(path)
    runtime = f"keras {keras.__version__} ({keras.backend.backend()})"
    described = to_json(describe_float_model(path, model, runtime, threads))
    facts = {**described, "threads": threads, "sha256": model.source_sha256}
    return EvaluatedModel(facts, model.scheme, model.crop, model.predict)


def _limit_threads(backend: str, threads: int) -> None:
    """Limit ``threads`` before the weights are loaded: TensorFlow fixes them at first use."""
    if backend != "tensorflow":
        raise UsageError(
            f"the threads of Keras with {backend} cannot be set", "Leave out --threads"
        )
    import tensorflow as tf

    limit_threads(tf, threads)
