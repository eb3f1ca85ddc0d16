"""The float model file: a ``.keras`` archive that also holds the facts about its model.

Any Keras 3 opens it; we never let Keras open an untrusted one: the network is built from code by
the variant that the facts name, and only weights are read from the file. An imported network is
rebuilt from the file's description, if that holds supported layers only (see
`asmnet_edge.training.safe_rebuild`).
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.datasets.splits import PERCENT
from asmnet_edge.errors import AsmnetEdgeError, ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_named
from asmnet_edge.io.files import sha256, staged
from asmnet_edge.training.model_facts import FACTS, SCHEMA, PixelScaling, TargetScaling, read_facts
from asmnet_edge.training.network import IMPORTED, Variant, build
from asmnet_edge.training.safe_rebuild import rebuild

MALFORMED = (KeyError, ValueError, TypeError, OSError)


@dataclass(frozen=True)
class FloatModel:
    """A trained network with everything that turns its outputs into landmarks and pose.

    network : (N, s, s, 3) float32 -> "landmarks" (N, 2n), "pose" (N, 3), in training units
    crop : rule of its crops; scaling : from training units to the contract's; pixels : from uint8
    to the network's input; provenance : what it was trained on and its accuracy, as plain values;
    source_sha256 : of the file it was read from
    """

    network: keras.Model
    variant: Variant
    scheme: LandmarkScheme
    crop: CropRule
    scaling: TargetScaling
    provenance: dict[str, Any] = field(default_factory=dict)
    source_sha256: str = ""
    pixels: PixelScaling = field(default_factory=PixelScaling)

    @property
    def validation_percent(self) -> float:
        """Share of the identities in % that its training held out; see `datasets.splits`."""
        return float(self.provenance.get("training", {}).get("validation_percent", PERCENT))

    def predict(self, crops: NDArray[np.uint8], batch: int = 32) -> tuple[FloatArray, FloatArray]:
        """Return landmarks (N, n, 2) and pose (N, 3) of ``crops`` (N, s, s, 3) uint8 RGB.

        Landmarks are relative to the crops, pose is in degrees.
        """
        landmarks, pose = [], []
        for start in range(0, len(crops), batch):
            outputs = self.network(self.pixels.apply(crops[start : start + batch]), training=False)
            landmarks.append(keras.ops.convert_to_numpy(outputs["landmarks"]))
            pose.append(keras.ops.convert_to_numpy(outputs["pose"]))
        return self.scaling.restore(np.concatenate(landmarks), np.concatenate(pose))

    def save(self, path: Path) -> None:
        """Write as ``.keras``, all or nothing."""
        refuse_other_suffix(path)
        with staged(path) as temporary:
            self.network.save(temporary)
            with zipfile.ZipFile(temporary, "a") as archive:
                archive.writestr(FACTS, json.dumps(self._facts(), indent=2))

    def _facts(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "variant": asdict(self.variant),
            "scheme": self.scheme.name,
            "crop": asdict(self.crop),
            "scaling": self.scaling.as_json(),
            "pixels": asdict(self.pixels),
            "provenance": self.provenance,
        }


def refuse_other_suffix(path: Path) -> None:
    """Raise `ModelError` unless ``path`` has the suffix of a float model."""
    if path.suffix != ".keras":
        raise ModelError(f"a float model is written as .keras, got {path.name}")


def load_float_model(path: Path) -> FloatModel:
    """Return the float model at ``path``; `ModelError` states the fault of any other file."""
    if not path.is_file():
        raise ModelError(f"there is no float model at {path}", "Make one with: asmnet-edge train")
    try:
        return _load(path)
    except (AsmnetEdgeError, zipfile.BadZipFile, *MALFORMED) as error:
        raise ModelError(
            f"{path} is not a float model of asmnet-edge: {_first_line(error)}",
            "Expected a .keras file written by asmnet-edge train",
        ) from error


def _load(path: Path) -> FloatModel:
    facts = read_facts(path)
    variant, scheme = Variant(**facts["variant"]), scheme_named(facts["scheme"])
    scaling = TargetScaling.from_json(facts["scaling"])
    counts = {variant.points, scheme.points, len(scaling.mean_shape)}
    if len(counts) > 1:
        raise ValueError(f"its parts disagree on the number of points: {sorted(counts)}")
    network = _imported(path, variant) if variant.architecture == IMPORTED else build(variant)
    load_weights(network, path)
    crop, provenance = CropRule(**facts["crop"]), facts["provenance"]
    pixels = PixelScaling(**facts.get("pixels", {}))  # absent from older files: the default
    return FloatModel(network, variant, scheme, crop, scaling, provenance, sha256(path), pixels)


def _imported(path: Path, variant: Variant) -> keras.Model:
    """Imported network at ``path``, without weights; `ValueError` unless it fits ``variant``."""
    with zipfile.ZipFile(path) as archive:
        network = rebuild(json.loads(archive.read("config.json")))
    size, outputs = variant.input_size, network.output
    found = {name: tuple(outputs[name].shape) for name in outputs}
    if found != {"landmarks": (None, 2 * variant.points), "pose": (None, 3)}:
        raise ValueError(f"its network gives {found}")
    if network.input_shape != (None, size, size, 3):
        raise ValueError(f"its network takes {network.input_shape}")
    return network


def load_weights(network: keras.Model, path: Path) -> None:
    """Fill ``network`` from the archive at ``path``; `ValueError` unless all are finite."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        network.load_weights(archive.extract("model.weights.h5", folder))
    if not all(np.isfinite(weights).all() for weights in network.get_weights()):
        raise ValueError("it holds weights that are not finite")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
