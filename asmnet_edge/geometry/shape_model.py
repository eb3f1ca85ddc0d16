"""Point distribution model of face shapes, the ASM operator, and the alignment of shapes.

The model is the mean shape and the principal modes of variation: Cootes, Taylor, Cooper, Graham,
"Active Shape Models - Their Training and Application", CVIU 1995; used in the loss by Fard,
Abdollahi, Mahoor, "ASMNet", CVPRW 2021.

Shapes are aligned first, each on its bounding box, or all onto their mean by Procrustes: Gower,
"Generalized Procrustes Analysis", Psychometrika 1975; for shape models Cootes et al., CVIU 1995.
Those turn and scale every shape onto the mean, compute the mean again, and so on. In the plane the
limit is known: with shapes as complex vectors z_k of size 1 the mean is the leading eigenvector of
sum_k z_k z_k^H (Kent, "The Complex Bingham Distribution and Shape Analysis", JRSS B 1994). So no
iteration is needed, and the order of the shapes does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import AsmnetEdgeError, DataError, ModelError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_named
from asmnet_edge.io.files import DAMAGE, read_arrays, write_arrays

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


# by name as in stored models; none: shapes are not changed
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


CLIP = 3.0  # standard deviations that each shape parameter may reach
MAKE_ONE = "Make one with: asmnet-edge shape fit"
STORED = ("mean", "components", "spectrum", "alignment", "faces", "variance")


@dataclass(frozen=True)
class PointDistributionModel:
    """Mean shape and principal modes of variation of n landmarks.

    mean : (2n,) x0, y0, x1, ...; components : (k, 2n), orthonormal rows; spectrum : (m,), m >= k,
    variance of the training shapes along each principal direction, kept or not, descending;
    alignment : of the training shapes, one of `ALIGNMENTS`; scheme : None if unknown; faces :
    number of training shapes; variance : share that was asked for
    """

    mean: FloatArray
    components: FloatArray
    spectrum: FloatArray
    alignment: str
    scheme: LandmarkScheme | None
    faces: int
    variance: float

    def __post_init__(self) -> None:
        for name in ("mean", "components", "spectrum"):
            array = np.asarray(getattr(self, name), np.float64)
            if not np.isfinite(array).all():
                raise DataError(f"{name} must be finite numbers")
            object.__setattr__(self, name, array)
        self._check_arrays()
        self._check_facts()

    def _check_arrays(self) -> None:
        d, k = (self.mean.size, len(self.components)) if self.components.ndim == 2 else (0, 0)
        m = self.spectrum.size
        if not (self.components.shape == (k, d) and 0 < k <= m <= d and d % 2 == 0) or (
            (self.mean.shape, self.spectrum.shape) != ((d,), (m,))
        ):
            raise DataError(
                "mean, components and spectrum must be (2n,), (k, 2n) and (m,) with k <= m <= 2n, "
                f"got {self.mean.shape}, {self.components.shape} and {self.spectrum.shape}"
            )
        if not np.allclose(self.components @ self.components.T, np.eye(k), atol=1e-6):
            raise DataError("the rows of components must be orthonormal")
        if self.spectrum[0] <= 0 or self.spectrum[-1] < 0 or (np.diff(self.spectrum) > 0).any():
            raise DataError("spectrum must fall from above 0 and not below it")

    def _check_facts(self) -> None:
        check_alignment(self.alignment)
        if self.scheme and 2 * self.scheme.points != len(self.mean):
            raise DataError(f"{self.scheme.name} does not have {len(self.mean) // 2} points")
        if self.faces < 2:
            raise DataError(f"a shape model needs at least 2 shapes, got {self.faces}")
        _check_share(self.variance)

    @property
    def eigenvalues(self) -> FloatArray:
        """Variance (k,) of the training shapes along each component."""
        return self.spectrum[: len(self.components)]

    @property
    def shares(self) -> FloatArray:
        """Each component's share (k,) of the training shapes' variance."""
        return self.eigenvalues / self.spectrum.sum()

    def modes_for(self, variance: float) -> int:
        """Return the least number of modes, kept or not, that explain the share ``variance``."""
        return modes_for(self.spectrum, variance)

    @classmethod
    def fit(
        cls,
        shapes: FloatArray,
        variance: float = 0.90,
        alignment: str = "none",
        scheme: LandmarkScheme | None = None,
    ) -> PointDistributionModel:
        """Fit by PCA of ``shapes`` (faces, n, 2): the fewest modes for a share of variance.

        Shapes are first aligned, by default not at all. Eigenvalues use faces - 1 as divisor. Signs
        are such that each mode moves the coordinate that it moves most to the right or down.
        `DataError` for fewer than two shapes, or shapes that are all alike.
        """
        shapes = np.asarray(shapes, np.float64)
        if shapes.ndim != 3 or shapes.shape[2] != 2 or len(shapes) < 2:
            raise DataError(f"a shape model needs at least 2 shapes (n, 2), got {shapes.shape}")
        flat = align(shapes, alignment, scheme).reshape(len(shapes), -1)
        mean = flat.mean(axis=0)
        if np.allclose(flat, mean, rtol=0, atol=1e-12 * np.abs(flat).max()):
            raise DataError("the shapes are all alike: there is nothing to model")
        _, singular, rows = np.linalg.svd(flat - mean, full_matrices=False)
        spectrum = singular**2 / (len(flat) - 1)
        components = rows[: modes_for(spectrum, variance)]
        largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
        return cls(
            mean, components * np.sign(largest), spectrum, alignment, scheme, len(flat), variance
        )

    def align(self, shapes: FloatArray) -> FloatArray:
        """Return ``shapes`` (faces, n, 2), in any unit, aligned as the training shapes were."""
        if self.alignment == "procrustes":
            check_shapes(shapes, sized=True)
            return superimpose(shapes, self.mean.reshape(-1, 2))
        return align(shapes, self.alignment, self.scheme)

    def project(self, shapes: FloatArray) -> FloatArray:
        """Return shape parameters b = V^T (s - m): (..., n, 2) -> (..., k)."""
        flat = np.reshape(shapes, (*np.shape(shapes)[:-2], -1))
        return (flat - self.mean) @ self.components.T

    def reconstruct(self, parameters: FloatArray) -> FloatArray:
        """Return shapes m + V b: (..., k) -> (..., n, 2)."""
        flat = parameters @ self.components + self.mean
        return flat.reshape(*flat.shape[:-1], -1, 2)

    def asm(self, shapes: FloatArray) -> FloatArray:
        """Return the nearest plausible shapes (..., n, 2): each b_i clipped to +-3 sqrt(l_i)."""
        limit = CLIP * np.sqrt(self.eigenvalues)
        return self.reconstruct(np.clip(self.project(shapes), -limit, limit))

    def save(self, path: Path) -> None:
        """Write to ``path`` (.npz), atomically."""
        arrays = {name: np.array(getattr(self, name)) for name in STORED}
        write_arrays(path, {**arrays, "scheme": np.array(self.scheme.name if self.scheme else "")})

    @classmethod
    def load(cls, path: Path) -> PointDistributionModel:
        """Read a file of `save`; nothing in it is executed. `ModelError` if it is damaged."""
        try:
            stored = read_arrays(path, (*STORED, "scheme"))
            scheme = str(stored["scheme"])
            return cls(
                mean=stored["mean"],
                components=stored["components"],
                spectrum=stored["spectrum"],
                alignment=str(stored["alignment"]),
                scheme=scheme_named(scheme) if scheme else None,
                faces=int(stored["faces"]),
                variance=float(stored["variance"]),
            )
        except FileNotFoundError as error:
            raise ModelError(f"no shape model at {path}", MAKE_ONE) from error
        except (AsmnetEdgeError, *DAMAGE) as error:
            raise ModelError(f"{path} is not a shape model: {error}", MAKE_ONE) from error


def modes_for(spectrum: FloatArray, variance: float) -> int:
    """Return the least number of directions of ``spectrum`` (m,) that explain ``variance``."""
    _check_share(variance)
    explained = np.cumsum(spectrum)
    return int(np.searchsorted(explained / explained[-1], variance)) + 1


def _check_share(variance: float) -> None:
    if not 0 < variance <= 1:
        raise DataError(f"the share of variance must lie in (0, 1], got {variance}")
