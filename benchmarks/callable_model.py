"""Models that can be called on crops: artifacts in their runtimes, and float Keras models."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.record_types import CaseResult, ModelDescription
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.formats import FLOAT_SUFFIX, format_of
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import fit_pose
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.files import sha256, sha256_of_all
from asmnet_edge.io.manifest import artifact_files, read_manifest
from asmnet_edge.runtime.backends.backend import (
    Crop,
    InferenceBackend,
    Outputs,
    open_backend,
    run_all,
)


@dataclass(frozen=True)
class CallableModel:
    """A landmark model that can be called, whatever runs it.

    description : facts about it for the record; backend : runs one crop, or many at once
    crop : rule that its crops are cut by; scheme : of its landmarks; fits_pose : it has no pose
    output, so pose is fitted to its landmarks, outside of what is timed
    """

    description: ModelDescription
    backend: InferenceBackend
    crop: CropRule
    scheme: LandmarkScheme
    fits_pose: bool = False

    @property
    def name(self) -> str:
        """Name of its file."""
        return self.description.name

    def outputs(self, crops: Crop) -> tuple[FloatArray, FloatArray]:
        """Landmarks (faces, n, 2) and pose (faces, 3) of ``crops`` (faces, s, s, 3).

        `ModelError` for numbers that are not finite.
        """
        if isinstance(self.backend, BatchBackend):
            landmarks, pose = self.backend.predict(crops)
        else:
            landmarks, pose = run_all(self.backend, crops)
        if self.fits_pose:
            pose = fit_pose(landmarks.astype(np.float64), self.scheme)
        if not all(np.isfinite(output).all() for output in (landmarks, pose)):
            raise ModelError(f"{self.name} gives numbers that are not finite")
        return landmarks, pose

    def unmeasured(self, key: str = "") -> CaseResult:
        """Return the row of a record for it, without measurements.

        key : name of the row, by default that of the model
        """
        return CaseResult(**vars(self.description), key=key or self.name)


@dataclass
class BatchBackend:
    """A function of many crops at once in the place of an `InferenceBackend`.

    predict : crops (faces, s, s, 3) uint8 RGB -> landmarks (faces, n, 2) relative to them, pose
    (faces, 3) in degrees
    """

    name: str
    predict: Callable[[Crop], tuple[FloatArray, FloatArray]]

    def run(self, crop: Crop) -> Outputs:
        """Landmarks (n, 2) and pose (3,) of ``crop`` (1, s, s, 3); see `InferenceBackend`."""
        landmarks, pose = self.predict(crop)
        return landmarks[0].astype(np.float32), pose[0].astype(np.float32)


def open_for_accuracy(path: Path, threads: int | None = None) -> CallableModel:
    """Open the float model or artifact at ``path`` where time does not matter, with its hashes.

    A float model runs in the Keras backend of ``KERAS_BACKEND``, many faces at once.
    threads : None for as many as there are cores
    """
    if path.suffix == FLOAT_SUFFIX:
        return _float_model(path, threads)
    model = artifact_model(path, threads or os.cpu_count() or 1)
    files = sha256_of_all(artifact_files(path))
    hashed = replace(model.description, sha256=sha256(path), files_sha256=files)
    return replace(model, description=hashed)


def artifact_model(
    path: Path, threads: int, load: Callable[[Path, int], InferenceBackend] | None = None
) -> CallableModel:
    """Open the artifact at ``path`` in the runtime of its format, or as ``load`` loads it."""
    format_of(path)  # an unknown suffix is refused before anything is read
    manifest = read_manifest(path)
    backend = (load or open_backend)(path, threads)
    description = ModelDescription(
        name=path.name,
        format=manifest.format,
        precision=str(manifest.precision),
        runtime=backend.name,
        bytes=manifest.bytes,
        parameters=manifest.parameters,
        multiply_adds=manifest.multiply_adds,
        operators=dict(manifest.operators),
        threads=threads,
        source_sha256=manifest.source_sha256,
    )
    return CallableModel(description, backend, manifest.crop_rule, manifest.landmark_scheme)


# Float models; these need the ``train`` extra


class KerasBackend:
    """The float Keras model as one compiled TensorFlow function, its fastest form here.

    ``model.predict`` and an eager call cost several times as much a picture.
    """

    def __init__(self, model: Any) -> None:
        import keras
        import tensorflow as tf

        self.name = f"keras {keras.__version__} (tf.function, tensorflow {tf.__version__})"
        self._scale_pixels, self._scaling = model.pixels.apply, model.scaling
        self._function = tf.function(model.network, jit_compile=False)

    def run(self, crop: Crop) -> Outputs:
        """Landmarks (n, 2) and pose (3,) of ``crop`` (1, s, s, 3); see `InferenceBackend`."""
        outputs = self._function(self._scale_pixels(crop), training=False)
        landmarks, pose = self._scaling.restore(
            outputs["landmarks"].numpy(), outputs["pose"].numpy()
        )
        return landmarks[0].astype(np.float32), pose[0].astype(np.float32)


def keras_model(path: Path, threads: int) -> CallableModel:
    """Open the float model at ``path`` as a compiled TensorFlow function."""
    import tensorflow as tf

    from asmnet_edge.training.float_model import load_float_model

    limit_threads(tf, threads)  # before the weights are loaded: TensorFlow fixes them at first use
    model = load_float_model(path)
    backend = KerasBackend(model)
    description = _describe_float_model(path, model, backend.name, threads)
    return CallableModel(description, backend, model.crop, model.scheme)


def _float_model(path: Path, threads: int | None) -> CallableModel:
    import keras

    from asmnet_edge.training.float_model import load_float_model

    if threads:
        _limit_threads_of(keras.backend.backend(), threads)
    model = load_float_model(path)
    name = f"keras {keras.__version__} ({keras.backend.backend()})"
    description = _describe_float_model(path, model, name, threads)
    hashed = replace(description, sha256=model.source_sha256)
    return CallableModel(hashed, BatchBackend(name, model.predict), model.crop, model.scheme)


def _limit_threads_of(backend: str, threads: int) -> None:
    """Limit ``threads`` before the weights are loaded: TensorFlow fixes them at first use."""
    if backend != "tensorflow":
        raise UsageError(
            f"the threads of Keras with {backend} cannot be set", "Leave out --threads"
        )
    import tensorflow as tf

    limit_threads(tf, threads)


def limit_threads(tf: Any, threads: int) -> None:
    """Set TensorFlow's threads; `UsageError` where it has computed with others already."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            raise UsageError(f"TensorFlow's threads cannot be set to {threads} any more") from error


def _describe_float_model(
    path: Path, model: Any, runtime: str, threads: int | None
) -> ModelDescription:
    from asmnet_edge.training.network import multiply_adds

    return ModelDescription(
        name=path.name,
        format="keras",
        precision="float32",
        runtime=runtime,
        bytes=path.stat().st_size,
        parameters=int(model.network.count_params()),
        multiply_adds=multiply_adds(model.network),
        threads=threads,
        source_sha256=model.source_sha256,
    )
