"""Specification of a model format and of the runtimes that run it.

Code is named by references, ``"package.module:attribute"``, which are imported when they are used.
So a specification costs nothing to load.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from enum import StrEnum
from importlib import util
from pathlib import Path
from typing import Any

from asmnet_edge.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9-]*")
SUFFIX = re.compile(r"\.[a-z0-9_-]+")
REFERENCE = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*")
RESERVED = (".keras", ".toml", ".json")  # float models, descriptions of foreign models, manifests


class Precision(StrEnum):
    """Storage of the weights and activations of an artifact.

    dynamic-int8 : int8 weights, activations quantised at run time, or not at all
    int8 : weights and activations in int8, ranges calibrated; the contract's float32 outputs
    int8-io : the same with quantised outputs, for accelerators that support nothing else
    """

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    DYNAMIC_INT8 = "dynamic-int8"
    INT8 = "int8"
    INT8_IO = "int8-io"


CALIBRATED = frozenset({Precision.INT8, Precision.INT8_IO})  # ranges are measured on faces
# what ``--precision all`` stands for
USUAL_PRECISIONS = tuple(p for p in Precision if p is not Precision.INT8_IO)


@dataclass(frozen=True)
class Runtime:
    """A package that runs artifacts. Several formats may have the same runtime.

    label : name for people; package : name for pip and ``--runtimes``; module : what is imported
    backend : reference to ``load(path, threads, files=None) -> InferenceBackend``
    cure : command that installs it, empty where installing it is no advice
    proof : program that ends without an error where the runtime works
    """

    label: str
    package: str
    module: str
    backend: str
    cure: str = ""
    proof: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether the package is installed; the check does not import it."""
        return util.find_spec(self.module.partition(".")[0]) is not None


@dataclass(frozen=True)
class FormatSpec:
    """One format of artifacts. `ValueError` from its constructor when a field is malformed.

    name : in ``asmnet-edge convert NAME`` and in manifests; label : name for people
    suffix : of the artifact, lower case with its dot; companions : suffixes of the other files that
    belong to an artifact, as ``.bin`` holds the weights of an OpenVINO ``.xml``
    precisions : those that the format can be converted to
    runtimes : packages that run it, the usual one first
    backend : reference to the ``load`` of the usual runtime (see `Runtime`)
    exporter : reference to a class that fills `asmnet_edge.converters.jobs.Exporter`
    inspector : reference to an `asmnet_edge.converters.inspection.audit.Inspector`
    packages : modules that the exporter imports; cure : command that installs them
    cost : seconds that a conversion takes, roughly; the slowest format is started first
    validator : reference to ``validate(path, files)``, which raises `ModelError` for content that
    must not reach the runtime's native parser; empty where the runtime needs no such check
    simulation : reference to ``load_simulated(path, saturating) -> InferenceBackend | None``, which
    imports simulation_package; and saturation : reference to ``saturates() -> bool``; both for
    runtimes whose int8 sums of products overflow on some CPUs, empty for all others
    network : reference to ``open_network(path, threads) -> RawNetwork``, for benchmarks of foreign
    models; empty where these cannot be run
    """

    name: str
    label: str
    suffix: str
    precisions: tuple[Precision, ...]
    runtimes: tuple[Runtime, ...]
    backend: str
    exporter: str
    inspector: str
    companions: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    cure: str = "pip install 'asmnet-edge[convert]', or in a checkout '.[convert]'"
    cost: float = 1.0
    validator: str = ""
    simulation: str = ""
    simulation_package: str = ""
    saturation: str = ""
    network: str = ""

    def __post_init__(self) -> None:
        self._check_names()
        self._check_references()
        if not self.precisions or not self.runtimes:
            raise ValueError(f"the format {self.name} needs a precision and a runtime at least")

    def _check_names(self) -> None:
        if not NAME.fullmatch(self.name) or self.name == "all":
            raise ValueError(f"a format's name is lower case and not 'all', got {self.name!r}")
        for suffix in (self.suffix, *self.companions):
            if not SUFFIX.fullmatch(suffix) or suffix in RESERVED:
                raise ValueError(
                    f"the suffix {suffix!r} of the format {self.name} must be like '.onnx' and "
                    f"none of {', '.join(RESERVED)}"
                )

    def _check_references(self) -> None:
        optional = (self.validator, self.simulation, self.saturation, self.network)
        required = (self.backend, self.exporter, self.inspector)
        loaders = (runtime.backend for runtime in self.runtimes)
        for reference in (*required, *loaders, *filter(None, optional)):
            if not REFERENCE.fullmatch(reference):
                raise ValueError(
                    f"expected 'module:attribute' in the format {self.name}, got {reference!r}"
                )

    def runtime(self, package: str) -> Runtime:
        """Return the runtime of that ``package``; `UsageError` lists those of the format."""
        for runtime in self.runtimes:
            if runtime.package == package:
                return runtime
        known = ", ".join(runtime.package for runtime in self.runtimes)
        raise UsageError(f"{package} does not run {self.label} files", f"Known: {known}")

    def files(self, artifact: Path) -> list[Path]:
        """All files of ``artifact``, itself last."""
        return [*(artifact.with_suffix(suffix) for suffix in self.companions), artifact]


def resolve(reference: str) -> Any:
    """Import what ``"module:attribute"`` refers to."""
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)
