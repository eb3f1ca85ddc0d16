"""Holding validation faces out of training, by person, the same ones on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.data.duplicates import same_faces, thumbnail
from asmnet_edge.data.pack import Pack
from asmnet_edge.errors import UsageError
from asmnet_edge.landmarks import bounding_box

PERCENT = 7.0  # of identities that validate


def is_validation(identity: str, percent: float = PERCENT) -> bool:
    """Whether faces of ``identity`` validate: by a checksum of the name, so nobody can pick."""
    return zlib.crc32(identity.encode()) % 10_000 < percent * 100


def split(
    identities: Sequence[str], percent: float = PERCENT
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices to train on and to validate on; faces of one identity stay together."""
    held_out = np.array([is_validation(identity, percent) for identity in identities], bool)
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def hold_out(pack: Pack, percent: float = PERCENT) -> tuple[Pack, Pack]:
    """The faces of ``pack`` to train on and those to validate on.

    A photo may be there twice under two names; what validates is then left out of training, by its
    content. `UsageError` when there are too few faces for both.
    """
    trains, validates = split(pack.identities, percent)
    if not len(trains) or not len(validates):
        raise UsageError(
            f"too few faces to hold some out for validation: {len(pack)}", "Add faces to train on"
        )
    looks = [thumbnail(pack.picture(i), bounding_box(pack.points[i])) for i in range(len(pack))]
    pairs = same_faces([looks[i] for i in trains], [looks[i] for i in validates])
    kept = np.delete(trains, sorted({train for train, _, _ in pairs}))
    return pack.select(kept), pack.select(validates)
