"""A pack: the faces of a data set as crops with a margin, compact and quick to draw from.

Training reads each face many times; decoding the original each time would cost more than the step.
A pack keeps a JPEG of a square around each face, wide enough for nearly all augmentations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.crop import CropRule, cut, transform
from asmnet_edge.data.sample import OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, PictureError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pictures import Picture, decode_picture, encode_picture
from asmnet_edge.pose import fit_pose
from asmnet_edge.schemes import LandmarkScheme

PACK_RULE = CropRule(margin=1.8, size=320)
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Pack:
    """Faces ready to train on.

    jpegs : one encoded crop (320, 320, 3) BGR a face; points : (faces, n, 2) in its pixels
    pose : (faces, 3) degrees, fitted where the data set does not know it
    names, identities : as in `Sample`
    """

    scheme: LandmarkScheme
    jpegs: tuple[bytes, ...]
    points: FloatArray
    pose: FloatArray
    names: tuple[str, ...]
    identities: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.jpegs)

    def picture(self, index: int) -> Picture:
        """The crop (320, 320, 3) BGR of one face."""
        return decode_picture(self.jpegs[index], self.names[index])

    def select(self, chosen: NDArray[np.intp]) -> Pack:
        """The faces at the indices ``chosen``."""
        return Pack(
            self.scheme,
            tuple(self.jpegs[i] for i in chosen),
            self.points[chosen],
            self.pose[chosen],
            tuple(self.names[i] for i in chosen),
            tuple(self.identities[i] for i in chosen),
        )


def make_pack(
    samples: Sequence[Sample],
    progress: Callable[[Sequence[Sample]], Iterable[Sample]] = iter,
    on_broken: OnBroken = refuse,
) -> Pack:
    """Cut and encode every face of ``samples``; ``progress`` may wrap the sequence in a bar.

    ``on_broken`` is told of each picture that cannot be read; if it returns, its face is left out.
    """
    packed: list[tuple[Sample, bytes, FloatArray]] = []
    for sample in progress(samples):
        try:
            packed.append((sample, *_cut(sample)))
        except PictureError as error:
            on_broken(error)
    if not packed:
        raise DataError("there are no faces to pack")
    kept = [sample for sample, _, _ in packed]
    points = np.stack([points for _, _, points in packed])
    scheme = kept[0].landmarks.scheme
    fitted = fit_pose(points, scheme)
    pose = [f if s.pose is None else s.pose for f, s in zip(fitted, kept, strict=True)]
    return Pack(
        scheme,
        tuple(jpeg for _, jpeg, _ in packed),
        points,
        np.stack(pose),
        tuple(s.name for s in kept),
        tuple(s.identity for s in kept),
    )


def _cut(sample: Sample) -> tuple[bytes, FloatArray]:
    matrix = PACK_RULE.matrix(sample.landmarks.box)
    crop = cut(sample.load(), matrix, PACK_RULE.size)
    points = transform(sample.landmarks.points, matrix)
    return encode_picture(crop, ".jpg", JPEG_QUALITY), points
