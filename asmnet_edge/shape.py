"""Point distribution model and the ASM operator.

Cootes, Taylor, Cooper, Graham, "Active Shape Models - Their Training and Application", CVIU 1995;
used in the loss by Fard, Abdollahi, Mahoor, "ASMNet", CVPRW 2021.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from asmnet_edge.errors import DataError, ModelError
from asmnet_edge.files import write_atomically
from asmnet_edge.landmarks import FloatArray

CLIP = 3.0  # standard deviations that each shape parameter may reach


def normalise(shapes: FloatArray) -> FloatArray:
    """Shapes (faces, n, 2) centred on their bounding box and divided by its longer side."""
    low, high = shapes.min(axis=1, keepdims=True), shapes.max(axis=1, keepdims=True)
    return (shapes - (low + high) / 2) / (high - low).max(axis=2, keepdims=True)


@dataclass(frozen=True)
class PointDistributionModel:
    """Mean shape and principal modes of variation of n landmarks.

    mean : (2n,) x0, y0, x1, ...; components : (k, 2n), orthonormal rows; eigenvalues : (k,)
    variance of the training shapes along each row, falling
    """

    mean: FloatArray
    components: FloatArray
    eigenvalues: FloatArray

    def __post_init__(self) -> None:
        k, d = np.shape(self.components)
        if np.shape(self.mean) != (d,) or np.shape(self.eigenvalues) != (k,):
            raise DataError(
                f"mean must be ({d},) and eigenvalues ({k},) to go with components ({k}, {d}), "
                f"got {np.shape(self.mean)} and {np.shape(self.eigenvalues)}"
            )

    @classmethod
    def fit(cls, shapes: FloatArray, variance: float = 0.90) -> PointDistributionModel:
        """PCA of ``shapes`` (faces, n, 2): as few modes as explain the share ``variance``.

        Shapes are taken as they are; see `normalise`. Eigenvalues use faces - 1 as divisor.
        """
        if not 0 < variance <= 1:
            raise DataError(f"the share of variance must lie in (0, 1], got {variance}")
        flat = np.asarray(shapes, np.float64).reshape(len(shapes), -1)
        if len(flat) < 2:
            raise DataError(f"a shape model needs at least 2 shapes, got {len(flat)}")
        mean = flat.mean(axis=0)
        _, singular, components = np.linalg.svd(flat - mean, full_matrices=False)
        eigenvalues = singular**2 / (len(flat) - 1)
        share = np.cumsum(eigenvalues) / eigenvalues.sum()
        k = min(int(np.searchsorted(share, variance)) + 1, len(share))  # rounding may miss 1
        return cls(mean, components[:k], eigenvalues[:k])

    def project(self, shapes: FloatArray) -> FloatArray:
        """Shape parameters b = V^T (s - m): (..., n, 2) -> (..., k)."""
        flat = np.reshape(shapes, (*np.shape(shapes)[:-2], -1))
        return (flat - self.mean) @ self.components.T

    def reconstruct(self, parameters: FloatArray) -> FloatArray:
        """Shapes m + V b: (..., k) -> (..., n, 2)."""
        flat = parameters @ self.components + self.mean
        return flat.reshape(*flat.shape[:-1], -1, 2)

    def asm(self, shapes: FloatArray) -> FloatArray:
        """The nearest plausible shapes (..., n, 2): each b_i clipped to +-3 sqrt(l_i)."""
        limit = CLIP * np.sqrt(self.eigenvalues)
        return self.reconstruct(np.clip(self.project(shapes), -limit, limit))

    def save(self, path: Path) -> None:
        """Write as ``.npz``, all or nothing."""
        buffer = io.BytesIO()
        np.savez(buffer, mean=self.mean, components=self.components, eigenvalues=self.eigenvalues)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> PointDistributionModel:
        """Read what `save` wrote; nothing in the file is executed."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(*(stored[name] for name in ("mean", "components", "eigenvalues")))
        except FileNotFoundError as error:
            raise ModelError(f"no shape model at {path}", "Fit one while training") from error
        except (ValueError, KeyError, TypeError, EOFError, OSError, BadZipFile) as error:
            raise ModelError(f"{path} is not a shape model: {error}") from error
