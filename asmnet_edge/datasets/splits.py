"""Split into training and validation faces: by person, and by pictures that occur twice.

A person validates or trains by a checksum of the identity's name, the same on every machine. One
photo may occur under two names, so faces are also compared by their pictures. A face's print is its
grey crop at 16 x 16 pixels less its own blur, with unit norm; the cosine of two prints is one
product. One of the two is also tried a little shifted and scaled, since others annotate a face with
a slightly other box. The crop lies within the face, so that a picture cut close around it gives the
same print.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.datasets.pack import Pack
from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.crop import CropRule, crop_matrix, cut
from asmnet_edge.geometry.landmarks import Box, bounding_box
from asmnet_edge.io.images import Picture

FACE = CropRule(margin=1.0, size=64)
THUMBNAIL = 32  # pixels of a thumbnail's side, FACE's halved
INSIDE = 0.8  # side of a print over the face's longer side
SIDE = 16  # pixels of a print's side
BLUR = 4.0  # sigma of the light and shade taken away, pixels of a print
SHIFTS = (-0.03, 0.0, 0.03)  # of a print's side
SCALES = (0.95, 1.0, 1.05)
# Chosen on training pictures, 300W's 2,012 and 3,462 of YouTube Faces. Of 15 million pairs,
# different photos came to 0.935 at most. Of 600 faces, a copy passed in 100 % as a JPEG of quality
# 30, at half the size and cut close to the face, in 99 % at quality 10 and with a box 1 % to 2 %
# off, in 93 % at a quarter of the size. Copies in other colours may stay below.
SAME = 0.94
ROUGH = 0.6  # what views are tried on: copies with a box up to 3 % off came to 0.67 and more
BLOCK = 1024  # faces compared at a time: bounds the memory

Thumbnails = NDArray[np.uint8]
Prints = NDArray[np.float32]


def thumbnail(picture: Picture, box: Box) -> Picture:
    """Return the face in ``box`` as (32, 32) uint8 grey, from which prints are computed."""
    grey = cv2.cvtColor(cut(picture, FACE.matrix(box), FACE.size), cv2.COLOR_BGR2GRAY)
    side = (THUMBNAIL, THUMBNAIL)
    return cv2.resize(grey, side, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def prints(
    thumbnails: Thumbnails, shift: tuple[float, float] = (0.0, 0.0), scale: float = 1.0
) -> Prints:
    """Return prints (faces, 256) of ``thumbnails`` (faces, 32, 32), of unit norm, or zero if flat.

    shift : x, y by which the window moves, of its side; scale : factor on its side
    """
    middle = (THUMBNAIL - 1) / 2
    side = INSIDE * THUMBNAIL * scale
    centre = (middle + shift[0] * side, middle + shift[1] * side)
    matrix = crop_matrix(centre, side, SIDE)
    return np.stack([_print(cut(face, matrix, SIDE)) for face in thumbnails])


def _print(crop: Picture) -> Prints:
    detail = crop.astype(np.float32)
    detail -= cv2.GaussianBlur(detail, (0, 0), BLUR)
    detail -= detail.mean()
    # a flat crop shows nothing, so it is similar to no other
    return (detail / max(float(np.linalg.norm(detail)), 1.0)).ravel()


def same_faces(
    ours: Sequence[Picture], theirs: Sequence[Picture]
) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of thumbnails of one picture: index in ours, index in theirs, similarity."""
    if not ours or not theirs:
        return
    others = prints(np.stack(theirs))
    for start in range(0, len(ours), BLOCK):
        block = np.stack(ours[start : start + BLOCK])
        rows, columns = np.nonzero(prints(block) @ others.T > ROUGH)
        alike = _best_of_views(block, rows, others[columns])
        for i in np.flatnonzero(alike > SAME).tolist():
            yield start + int(rows[i]), int(columns[i]), float(alike[i])


def _best_of_views(ours: Thumbnails, rows: NDArray[np.intp], others: Prints) -> Prints:
    """Cosines (pairs,) of ``ours[rows]`` and ``others`` (pairs, 256), each the best over views."""
    views = (prints(ours, (x, y), s) for x, y, s in product(SHIFTS, SHIFTS, SCALES))
    return reduce(np.maximum, (np.einsum("ij,ij->i", view[rows], others) for view in views))


PERCENT = 7.0  # of identities, for validation


def is_validation(identity: str, percent: float = PERCENT) -> bool:
    """Whether faces of ``identity`` are for validation, by a checksum of its name."""
    return zlib.crc32(identity.encode()) % 10_000 < percent * 100


def split(
    identities: Sequence[str], percent: float = PERCENT
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return indices to train on and to validate on; faces of one identity stay together."""
    held_out = np.array([is_validation(identity, percent) for identity in identities], bool)
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def hold_out(packs: Sequence[Pack], percent: float = PERCENT) -> list[tuple[Pack, Pack]]:
    """Return for each of ``packs`` the faces to train on, and those of the first to validate on.

    A photo may occur under two names: identities with a face that looks like a validation face are
    left out of training in every pack. `UsageError` when nobody can be held out.
    """
    first = packs[0]
    _, chosen = split(first.identities, percent)
    if not 0 < len(chosen) < len(first):
        raise UsageError(
            f"of {len(first)} faces of {len(set(first.identities))} people or photos "
            f"{len(chosen)} would validate",
            "Add faces, or give faces of other people another identity",
        )
    validates = first.select(chosen)
    shown = _thumbnails(validates)
    return [(_without(pack, validates.identities, shown), validates) for pack in packs]


def _without(pack: Pack, identities: Sequence[str], shown: Sequence[Picture]) -> Pack:
    """``pack`` less the ``identities`` and all identities of which a face is among ``shown``."""
    copies = same_faces(_thumbnails(pack), shown)
    left_out = set(identities) | {pack.identities[i] for i, _, _ in copies}
    kept = [i for i, identity in enumerate(pack.identities) if identity not in left_out]
    if not kept:
        raise UsageError(
            "every face of a data set validates, or shows what a validation face shows",
            "Name a data set once, and data sets of other pictures",
        )
    return pack.select(np.array(kept, np.intp))


def _thumbnails(pack: Pack) -> list[Picture]:
    return [thumbnail(pack.picture(i), bounding_box(pack.points[i])) for i in range(len(pack))]
