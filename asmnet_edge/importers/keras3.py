"""Import of a user's Keras 3 network as a float model: picture in, landmarks and maybe pose out.

Nothing in the ``.keras`` file is executed: the network is rebuilt from its description, if that
holds supported layers only, and its weights are read as plain numbers (see
`asmnet_edge.training.safe_rebuild` and `asmnet_edge.importers.hdf5`). The file does not state what
its numbers mean, so the user gives the `Conventions`.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from asmnet_edge.errors import AsmnetEdgeError, ModelError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_named
from asmnet_edge.importers.adaptation import choose_outputs, complete_heads, fold_rescaling, to_rgb
from asmnet_edge.importers.flattening import Flattener
from asmnet_edge.importers.hdf5 import vet_weights
from asmnet_edge.io.files import sha256
from asmnet_edge.training.float_model import MALFORMED, FloatModel, load_weights
from asmnet_edge.training.model_facts import FACTS, PixelScaling, TargetScaling
from asmnet_edge.training.network import IMPORTED, Variant
from asmnet_edge.training.safe_rebuild import rebuild

PIXELS: Mapping[str, PixelScaling] = MappingProxyType(
    {
        "-1..1": PixelScaling(127.5, 1 / 127.5),
        "0..1": PixelScaling(0.0, 1 / 255),
        "0..255": PixelScaling(0.0, 1.0),
    }
)
CHANNELS = ("rgb", "bgr")
UNITS = ("crop", "pixels", "centred")
LARGEST = {"config.json": 2**24, "model.weights.h5": 2**30}  # bytes
CURE = "Expected a .keras file that Keras 3 wrote: model.save('my.keras')"


@dataclass(frozen=True)
class Conventions:
    """Meaning of the inputs and outputs of a network.

    scheme : name of the landmark scheme; margin : of the crop rule; pixels : input range, a key of
    `PIXELS`; channels : "rgb" or "bgr"; landmarks, pose : names of the outputs, empty where they
    are unambiguous; units : of the landmarks, one of `UNITS`. Pose is yaw, pitch, roll, degrees.

    `UsageError` for a value that is not known.
    """

    scheme: str
    margin: float = 1.25
    pixels: str = "0..1"
    channels: str = "rgb"
    landmarks: str = ""
    pose: str = ""
    units: str = "crop"

    def __post_init__(self) -> None:
        known = {"pixels": PIXELS, "channels": CHANNELS, "units": UNITS}
        for name, values in known.items():
            if (value := getattr(self, name)) not in values:
                raise UsageError(f"no {name} {value!r}", f"Known: {', '.join(values)}")


def import_network(path: Path, conventions: Conventions) -> FloatModel:
    """Return the network at ``path`` as a float model; `ModelError` states why that failed."""
    scheme = scheme_named(conventions.scheme)
    network = read_network(path)
    try:
        return _model(network, scheme, conventions, {"file": path.name, "sha256": sha256(path)})
    except AsmnetEdgeError as error:
        raise type(error)(f"{path} cannot be imported: {error.message}", error.cure) from error


def _model(
    network: keras.Model, scheme: LandmarkScheme, conventions: Conventions, origin: dict[str, str]
) -> FloatModel:
    size = _side(network)
    outputs = choose_outputs(network, scheme, conventions.landmarks, conventions.pose)
    image = keras.Input((size, size, 3), name="image")
    flattener = Flattener()
    tensors = flattener.run(keras.Model(network.inputs, outputs), [image])
    rule = CropRule(conventions.margin, size)
    scaling = scaling_of(conventions.units, scheme.points, size)
    tensors, fitted = complete_heads(tensors, flattener, scheme, rule, scaling)
    flat = keras.Model(image, tensors, name=IMPORTED)
    flat, pixels = fold_rescaling(flat, PIXELS[conventions.pixels])
    if conventions.channels == "bgr":
        to_rgb(flat)
    provenance = {"imported": {**origin, **asdict(conventions), **fitted}}
    variant = Variant(IMPORTED, 1.0, size, scheme.points)
    return FloatModel(flat, variant, scheme, rule, scaling, provenance, pixels=pixels)


def scaling_of(units: str, points: int, size: int) -> TargetScaling:
    """Scaling that makes landmarks in ``units`` relative to the crop of ``size`` pixels.

    units : "crop", 0 at its left and top edge, 1 at the other; "centred", -1 and 1 there;
    "pixels", pixel centres at whole numbers, so that (p + 0.5) / size is relative
    """
    scale, start = {"crop": (1.0, 0.0), "centred": (0.5, 0.5), "pixels": (1 / size, 0.5 / size)}[
        units
    ]
    return TargetScaling(np.full((points, 2), start), scale, np.zeros(3), np.ones(3))


def read_network(path: Path) -> keras.Model:
    """Return the network at ``path`` with its weights, float32; nothing in the file is executed."""
    if not path.is_file():
        raise ModelError(f"there is no file {path}", CURE)
    if path.suffix != ".keras":
        raise ModelError(f"{path} is no .keras file", f"{CURE}; .h5 of the authors: import-h5")
    try:
        description = _description(path)
        network = rebuild(description)
        load_weights(network, path)
        return getattr(network, "_functional", None) or network  # a Sequential wraps one
    except AsmnetEdgeError as error:
        raise ModelError(f"{path} cannot be imported: {error.message}", error.cure) from error
    except (zipfile.BadZipFile, RecursionError, *MALFORMED) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path} cannot be read: {line}", CURE) from error


def _description(path: Path) -> Any:
    """The parsed ``config.json``, after everything in the archive has been checked."""
    with zipfile.ZipFile(path) as archive, TemporaryDirectory() as folder:
        if FACTS in archive.namelist():
            raise ModelError("it is a float model already", "Give it to asmnet-edge convert")
        for name, most in LARGEST.items():
            if archive.getinfo(name).file_size > most:
                raise ModelError(f"its {name} has more than {most / 1e6:.0f} MB", CURE)
        version = json.loads(archive.read("metadata.json")).get("keras_version")
        if not str(version).startswith("3."):
            raise ModelError(f"it was written by Keras {version}", CURE)
        vet_weights(Path(archive.extract("model.weights.h5", folder)))
        return json.loads(archive.read("config.json"))


def _side(network: keras.Model) -> int:
    """Side of the one square picture that ``network`` takes."""
    shapes = [tuple(tensor.shape[1:]) for tensor in network.inputs]
    if len(shapes) != 1:
        raise ModelError(
            f"it has {len(shapes)} inputs, expected one picture (s, s, 3)",
            "Save the part that takes the picture alone: keras.Model(picture, outputs)",
        )
    height, width, channels = shapes[0] if len(shapes[0]) == 3 else (None, None, None)
    if not height or height != width or channels != 3:
        raise ModelError(
            f"its input is {shapes[0]}, expected a picture (s, s, 3)",
            "Build it with a fixed square input: keras.Input((224, 224, 3))",
        )
    return int(height)
