"""Alignment of shapes: each on its bounding box, or all onto their mean (Procrustes).

Gower, "Generalized Procrustes Analysis", Psychometrika 1975; for shape models Cootes et al., CVIU
1995. Those turn and scale every shape onto the mean, compute the mean again, and so on. In the
plane the limit is known: with shapes as complex vectors z_k of size 1 the mean is the leading
eigenvector of sum_k z_k z_k^H (Kent, "The Complex Bingham Distribution and Shape Analysis", JRSS B
1994). So no iteration is needed, and the order of the shapes does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import DataError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.schemes import LandmarkScheme

ComplexArray = NDArray[np.complexfloating]


def normalise(shapes: FloatArray) -> FloatArray:
    """Return ``shapes`` (faces, n, 2) centred on their bounding box, its longer side being 1."""
    low, high = shapes.min(axis=1, keepdims=True), shapes.max(axis=1, keepdims=True)
    return (shapes - (low + high) / 2) / (high - low).max(axis=2, keepdims=True)


def procrustes(shapes: FloatArray, level: tuple[int, int]) -> FloatArray:
    """Return ``shapes`` (faces, n, 2), each centred, turned and scaled onto the mean of all.

    The mean has size 1 (root of its summed squares), and the second of its points ``level`` is
    straight to the right of the first. Shapes are never mirrored.
    """
    return superimpose(shapes, _mean(_unit(shapes), level))


def superimpose(shapes: FloatArray, reference: FloatArray) -> FloatArray:
    """Return ``shapes`` (..., n, 2) centred, turned and scaled onto ``reference`` (n, 2) of size 1.

    Least squares: the shape z is multiplied by z^H r, r being the reference, both of size 1.
    """
    seen = _unit(shapes)
    return _as_points(seen * (seen.conj() @ _unit(reference))[..., None])


def _mean(shapes: ComplexArray, level: tuple[int, int]) -> FloatArray:
    """The Procrustes mean (n, 2) of ``shapes`` (faces, n) of size 1."""
    _, vectors = np.linalg.eigh(shapes.T @ shapes.conj())
    mean = vectors[:, -1]  # the last eigenvalue is the largest
    across = mean[level[1]] - mean[level[0]]
    return _as_points(mean * across.conj() / np.abs(across))


def _unit(shapes: FloatArray) -> ComplexArray:
    """``shapes`` (..., n, 2) as complex numbers x + iy (..., n), centred and of size 1."""
    seen = shapes[..., 0] + 1j * shapes[..., 1]
    seen = seen - seen.mean(axis=-1, keepdims=True)
    return np.asarray(seen / np.linalg.norm(seen, axis=-1, keepdims=True))


def _as_points(shapes: ComplexArray) -> FloatArray:
    return np.stack([shapes.real, shapes.imag], axis=-1)


def _onto_their_mean(shapes: FloatArray, scheme: LandmarkScheme | None) -> FloatArray:
    if scheme is None:
        raise DataError("Procrustes alignment needs the scheme, whose eye corners are made level")
    return procrustes(shapes, scheme.eye_corners)


# none: shapes are not changed
ALIGNMENTS: Mapping[str, Callable[[FloatArray, LandmarkScheme | None], FloatArray]] = (
    MappingProxyType(
        {
            "none": lambda shapes, _: shapes,
            "box": lambda shapes, _: normalise(shapes),
            "procrustes": _onto_their_mean,
        }
    )
)


def check_alignment(name: str) -> None:
    """Raise `DataError` unless ``name`` is one of `ALIGNMENTS`."""
    if name not in ALIGNMENTS:
        raise DataError(f"no alignment {name!r}", f"Known: {', '.join(ALIGNMENTS)}")


def check_shapes(shapes: FloatArray, sized: bool) -> None:
    """Raise `DataError` for shapes (faces, n, 2) with NaN or, if ``sized``, without extent."""
    bad = ~np.isfinite(shapes).all(axis=(1, 2))
    if sized:
        bad |= np.ptp(shapes, axis=1).max(axis=1) == 0
    if bad.any():
        raise DataError(f"shape {int(bad.argmax())} is not finite, or all its points are the same")


def align(shapes: FloatArray, alignment: str, scheme: LandmarkScheme | None) -> FloatArray:
    """Return ``shapes`` (faces, n, 2) aligned by ``alignment``, one of `ALIGNMENTS`."""
    check_alignment(alignment)
    check_shapes(shapes, sized=alignment != "none")
    return ALIGNMENTS[alignment](shapes, scheme)
