"""Packs: the faces of a data set as crops with a margin, compact and quick to sample from.

Training reads each face many times; decoding the original each time would cost more than the step.
A pack keeps a JPEG of a square around each face, wide enough for nearly all augmentations.
`asmnet_edge.datasets.pack_file` writes and reads packs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.datasets.sample import OnBroken, Sample, learnable, refuse
from asmnet_edge.errors import DataError, PictureError
from asmnet_edge.geometry.crop import CropRule, cut, transform
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import exact_or_fitted
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.images import Picture, decode_image, encode_image

PACK_RULE = CropRule(margin=1.8, size=320)
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Pack:
    """Faces to train on.

    jpegs : one encoded crop (size, size, 3) BGR a face; points : (faces, n, 2) in its pixels
    pose : (faces, 3) degrees, fitted to the landmarks unless ``exact`` (faces,)
    names, identities : as in `Sample`
    """

    scheme: LandmarkScheme
    jpegs: tuple[bytes, ...]
    points: FloatArray
    pose: FloatArray
    exact: NDArray[np.bool_]
    names: tuple[str, ...]
    identities: tuple[str, ...]

    def __post_init__(self) -> None:
        faces = len(self.jpegs)
        _check("points", self.points, (faces, self.scheme.points, 2))
        _check("pose", self.pose, (faces, 3))
        _check("exact", self.exact, (faces,))
        for field in ("names", "identities"):
            if len(getattr(self, field)) != faces:
                raise DataError(f"expected {faces} {field}, got {len(getattr(self, field))}")

    def __len__(self) -> int:
        return len(self.jpegs)

    def picture(self, index: int) -> Picture:
        """Return the crop (size, size, 3) BGR of one face."""
        return decode_image(self.jpegs[index], self.names[index])

    def select(self, chosen: NDArray[np.intp]) -> Pack:
        """Return the faces at the indices ``chosen`` (k,)."""
        return Pack(
            self.scheme,
            tuple(self.jpegs[i] for i in chosen),
            self.points[chosen],
            self.pose[chosen],
            self.exact[chosen],
            tuple(self.names[i] for i in chosen),
            tuple(self.identities[i] for i in chosen),
        )


def make_pack(
    samples: Sequence[Sample],
    progress: Callable[[Sequence[Sample]], Iterable[Sample]] = iter,
    on_broken: OnBroken = refuse,
    rule: CropRule = PACK_RULE,
    quality: int = JPEG_QUALITY,
) -> Pack:
    """Cut every face of ``samples`` by ``rule`` and encode it as a JPEG of ``quality`` (1 to 100).

    ``progress`` may wrap the sequence in a bar. ``on_broken`` is called for each face that cannot
    be cut; if it returns, that face is left out, as are those that a test subset has too.
    """
    packed: list[tuple[Sample, bytes, FloatArray]] = []
    for sample in progress(learnable(samples)):
        try:
            packed.append((sample, *_cut(sample, rule, quality)))
        except PictureError as error:
            on_broken(error)
        except DataError as error:  # its points have no extent
            on_broken(DataError(f"{sample.name}: {error.message}", error.cure))
    if not packed:
        raise DataError("there are no faces to pack")
    kept = [sample for sample, _, _ in packed]
    points = np.stack([points for _, _, points in packed])
    scheme = kept[0].landmarks.scheme
    return Pack(
        scheme,
        tuple(jpeg for _, jpeg, _ in packed),
        points,
        exact_or_fitted([s.pose for s in kept], points, scheme),
        np.array([s.pose is not None for s in kept]),
        tuple(s.name for s in kept),
        tuple(s.identity for s in kept),
    )


def _cut(sample: Sample, rule: CropRule, quality: int) -> tuple[bytes, FloatArray]:
    matrix = rule.matrix(sample.landmarks.box)
    crop = cut(sample.load(), matrix, rule.size)
    points = transform(sample.landmarks.points, matrix)
    return encode_image(crop, ".jpg", quality), points


def _check(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise DataError(f"{name} must be {shape}, got {values.shape}")
    if not np.isfinite(values).all():
        raise DataError(f"{name} must be finite numbers")
