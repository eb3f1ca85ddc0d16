"""Plausibility of landmarks as a face, by a statistical model of face shapes.

A network gives landmarks for every crop. How far they are from the mean of a shape model, along
its modes and away from all of them, separates faces from the rest (the distances of Moghaddam and
Pentland, "Probabilistic Visual Learning for Object Representation", PAMI 1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.files import DAMAGE, read_arrays

PARAMETERS = ("mean", "components", "variances", "rest", "limits", "fitted_to")
PLAUSIBLE = 0.5  # lowest quality of a face


@dataclass(frozen=True)
class FacePlausibility:
    """A shape model of iBUG's 68 points, fitted to shapes superimposed on their mean.

    mean : (136,), of size 1; components : (k, 136), orthonormal rows; variances : (k,) along them;
    rest : variance away from all of them; limits : (3,), the distances within and outside the
    model, and of both together, that faces seldom exceed. Made by ``scripts/fit_plausibility.py``.
    fitted_to : SHA-256 of the float model whose landmarks the limits were fitted to
    """

    mean: FloatArray
    components: FloatArray
    variances: FloatArray
    rest: float
    limits: FloatArray
    fitted_to: str = ""

    def __post_init__(self) -> None:
        shapes = (self.mean.shape, self.components.shape[1:], self.limits.shape)
        if shapes != ((136,), (136,), (3,)) or len(self.variances) != len(self.components):
            raise ModelError(f"a plausibility model needs (136,), (k, 136) and (3,), got {shapes}")

    def distances(self, points: FloatArray) -> tuple[float, float]:
        """Return the distances of ``points`` (68, 2) in standard deviations.

        Within: root of the mean over modes of b_i^2 / l_i. Outside: |residual| / root of ``rest``.
        """
        away = self._superimposed(points) - self.mean
        modes = self.components @ away
        within = float((modes * modes / self.variances).mean()) ** 0.5
        # rows are orthonormal: what the modes do not explain is what is left of the square
        outside = max(0.0, float(away @ away - modes @ modes) / float(self.rest)) ** 0.5
        return within, outside

    def quality(self, points: FloatArray) -> float:
        """Return 1 for the mean face down to 0; one face in 200 is below `PLAUSIBLE`."""
        within, outside = self.distances(points)
        together = ((within / self.limits[0]) ** 2 + (outside / self.limits[1]) ** 2) / 2
        return float(max(0.0, 1 - PLAUSIBLE * together**0.5 / self.limits[2]))

    def _superimposed(self, points: FloatArray) -> FloatArray:
        """Centre, turn and scale ``points`` (68, 2) onto the mean: (136,); see
        `asmnet_edge.geometry.shape_model.superimpose`.

        The less a shape is like the mean, the smaller it comes out. That is intended: projected
        into the tangent plane at the mean instead, twice as much background passed as a face.
        """
        seen = np.ascontiguousarray(points, np.float64).view(np.complex128)[:, 0]
        seen = seen - seen.sum() / len(seen)
        size = float(np.vdot(seen, seen).real)
        factor = np.vdot(seen, self._reference) / size**0.5 if size else 0.0
        turned: NDArray[np.complex128] = seen * (factor / size**0.5 if size else 0.0)
        return turned.view(np.float64)

    @cached_property
    def _reference(self) -> NDArray[np.complex128]:
        """Mean shape (68,) as complex numbers x + iy, of size 1."""
        return self.mean.view(np.complex128) / np.linalg.norm(self.mean)

    @classmethod
    def load(cls, path: Path) -> FacePlausibility:
        """Read the file that the script wrote; nothing in it is executed."""
        try:
            stored: dict[str, Any] = read_arrays(path, PARAMETERS)
            rest, fitted_to = float(stored.pop("rest")), str(stored.pop("fitted_to"))
            numbers = {name: value.astype(np.float64) for name, value in stored.items()}
            return cls(**numbers, rest=rest, fitted_to=fitted_to)
        except DAMAGE as error:
            raise ModelError(f"{path} is not a plausibility model: {error}") from error


@cache
def shipped_plausibility() -> FacePlausibility:
    """Return the shipped model."""
    assets = resources.files("asmnet_edge") / "assets"
    return FacePlausibility.load(Path(str(assets / "plausibility_68.npz")))
