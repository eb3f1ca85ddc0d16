"""The rows of a benchmark: artifacts in their runtimes, and the float Keras model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.crop import CropRule
from asmnet_edge.errors import UsageError
from asmnet_edge.formats import format_of
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.manifest import read_manifest
from asmnet_edge.runtime.backends.backend import (
    Crop,
    InferenceBackend,
    Outputs,
    open_backend,
    run_all,
)
from asmnet_edge.schemes import LandmarkScheme


@dataclass(frozen=True)
class Candidate:
    """A model that can be called, and what the record says of it besides the measurements.

    crop : rule that its crops are cut by; scheme : of its landmarks
    """

    facts: Mapping[str, Any]
    backend: InferenceBackend
    source_sha256: str
    crop: CropRule
    scheme: LandmarkScheme

    def outputs(self, crops: Crop) -> tuple[FloatArray, FloatArray]:
        """Landmarks (faces, n, 2) and pose (faces, 3) of ``crops`` (faces, s, s, 3)."""
        return run_all(self.backend, crops)


def artifact_candidate(
    path: Path, threads: int, load: Callable[[Path, int], InferenceBackend] | None = None
) -> Candidate:
    """The artifact at ``path``, in the runtime of its format or as ``load`` loads it."""
    format_of(path)  # an unknown suffix is refused before anything is read
    manifest = read_manifest(path)
    backend = (load or open_backend)(path, threads)
    facts = {
        "name": path.name,
        "format": manifest.format,
        "precision": str(manifest.precision),
        "runtime": backend.name,
        "bytes": manifest.bytes,
        "parameters": manifest.parameters,
        "multiply_adds": manifest.multiply_adds,
        "operators": dict(manifest.operators),
        "threads": threads,
    }
    source, scheme = manifest.source_sha256, manifest.landmark_scheme
    return Candidate(facts, backend, source, manifest.crop_rule, scheme)


class KerasBackend:
    """The float Keras model as one compiled TensorFlow function, which is its quickest form here.

    ``model.predict`` and an eager call cost several times as much a picture.
    """

    def __init__(self, model: Any) -> None:
        import keras
        import tensorflow as tf

        self.name = f"keras {keras.__version__} (tf.function, tensorflow {tf.__version__})"
        self._scale_pixels, self._scaling = model.pixels.apply, model.scaling
        self._function = tf.function(model.network, jit_compile=False)

    def run(self, crop: Crop) -> Outputs:
        outputs = self._function(self._scale_pixels(crop), training=False)
        landmarks, pose = self._scaling.restore(
            outputs["landmarks"].numpy(), outputs["pose"].numpy()
        )
        return landmarks[0].astype(np.float32), pose[0].astype(np.float32)


def limit_threads(tf: Any, threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:  # too late: it has computed already
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            raise UsageError(f"TensorFlow's threads cannot be set to {threads} any more") from error


def keras_candidate(path: Path, threads: int) -> Candidate:
    """The float model at ``path``; needs the ``train`` extra."""
    import tensorflow as tf

    from asmnet_edge.training.floatmodel import load_float_model

    limit_threads(tf, threads)  # before the weights are loaded: TensorFlow fixes them at first use
    model = load_float_model(path)
    backend = KerasBackend(model)
    facts = float_facts(path, model, backend.name, threads)
    return Candidate(facts, backend, model.source_sha256, model.crop, model.scheme)


def float_facts(path: Path, model: Any, runtime: str, threads: int | None) -> dict[str, Any]:
    """What a record says of the float ``model`` at ``path`` besides the measurements."""
    from asmnet_edge.training.network import multiply_adds

    return {
        "name": path.name,
        "format": "keras",
        "precision": "float32",
        "runtime": runtime,
        "bytes": path.stat().st_size,
        "parameters": int(model.network.count_params()),
        "multiply_adds": multiply_adds(model.network),
        "threads": threads,
    }
