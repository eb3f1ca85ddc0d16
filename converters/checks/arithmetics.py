"""Int8 arithmetic of CPUs: an artifact in exact and in saturating arithmetic on one machine.

This CPU's arithmetic is run by the runtime, the other one is simulated. CPUs with VNNI, ARM and
LiteRT everywhere compute exactly. ONNX Runtime and OpenVINO saturate on x86 without VNNI: see
`asmnet_edge.converters.saturation.pairs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.saturation.probe import saturates
from asmnet_edge.errors import require
from asmnet_edge.formats import format_of, resolve
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.runtime.backends.backend import InferenceBackend, open_backend, run_all

EXACT, SATURATING = "exact", "saturating"
Outputs = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Arithmetics:
    """An artifact opened in both arithmetics.

    here : `EXACT` or `SATURATING`, the arithmetic of this CPU; native : the runtime's backend
    other : simulates the other arithmetic; None if no activations make a difference
    """

    here: str
    native: InferenceBackend
    other: InferenceBackend | None

    def run(self, crops: NDArray[np.uint8]) -> dict[str, Outputs]:
        """Return landmarks (faces, n, 2) and pose (faces, 3) of ``crops``, by arithmetic."""
        native = run_all(self.native, crops)
        other = native if self.other is None else run_all(self.other, crops)
        return {self.here: native, other_than(self.here): other}


def other_than(arithmetic: str) -> str:
    """Return the other one of `EXACT` and `SATURATING`."""
    return SATURATING if arithmetic == EXACT else EXACT


def open_in_both(path: Path, threads: int = 1) -> Arithmetics:
    """Open the trusted artifact at ``path`` in both arithmetics.

    `MissingExtraError` if a package that the simulation needs is not installed.
    """
    here = arithmetic_here(path)
    return Arithmetics(here, open_backend(path, threads), simulated(path, other_than(here)))


def arithmetic_here(path: Path) -> str:
    """Return the arithmetic of the runtime of the artifact at ``path`` on this CPU."""
    return SATURATING if saturates(format_of(path).name) else EXACT


def simulated(path: Path, arithmetic: str) -> InferenceBackend | None:
    """Open the artifact at ``path`` in simulated ``arithmetic``; None if it makes no difference.

    `MissingExtraError` if a package that the simulation needs is not installed.
    """
    spec = format_of(path)
    if not spec.simulation:
        return None
    if spec.simulation_package:
        require(spec.simulation_package, "convert")
    found: InferenceBackend | None = resolve(spec.simulation)(path, arithmetic == SATURATING)
    return found
