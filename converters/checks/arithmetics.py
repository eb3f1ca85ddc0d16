"""An artifact in both arithmetics of eight bits: this CPU's by its runtime, the other simulated.

Exact is that of CPUs with VNNI, of ARM, and of LiteRT everywhere. Saturating is that of ONNX
Runtime and OpenVINO on x86 without VNNI, see `asmnet_edge.converters.saturation.pairs`.
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
    """An artifact opened in both; ``here`` : `EXACT` or `SATURATING`, that of this CPU.

    own : by its runtime; other : simulated, None where no activations make any difference
    """

    here: str
    own: InferenceBackend
    other: InferenceBackend | None

    def run(self, crops: NDArray[np.uint8]) -> dict[str, Outputs]:
        """Landmarks (faces, n, 2) and pose (faces, 3) of ``crops`` by the arithmetic's name."""
        own = run_all(self.own, crops)
        other = own if self.other is None else run_all(self.other, crops)
        return {self.here: own, other_than(self.here): other}


def other_than(arithmetic: str) -> str:
    return SATURATING if arithmetic == EXACT else EXACT


def open_in_both(path: Path, threads: int = 1) -> Arithmetics:
    """The artifact at ``path``, whose origin is known, in both arithmetics.

    `MissingExtraError` when what simulates the other one is not installed.
    """
    here = arithmetic_here(path)
    return Arithmetics(here, open_backend(path, threads), simulated(path, other_than(here)))


def arithmetic_here(path: Path) -> str:
    """That of the runtime of the artifact at ``path`` on this CPU."""
    return SATURATING if saturates(format_of(path).name) else EXACT


def simulated(path: Path, arithmetic: str) -> InferenceBackend | None:
    """The artifact at ``path`` in ``arithmetic``, or None where that makes no difference.

    `MissingExtraError` when a package for it is not installed.
    """
    spec = format_of(path)
    if not spec.simulation:
        return None
    if spec.simulation_package:
        require(spec.simulation_package, "convert")
    found: InferenceBackend | None = resolve(spec.simulation)(path, arithmetic == SATURATING)
    return found
