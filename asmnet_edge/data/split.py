"""Split into training and validation faces, by person, the same on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.data.duplicates import same_faces, thumbnail
from asmnet_edge.data.pack import Pack
from asmnet_edge.errors import UsageError
from asmnet_edge.landmarks import bounding_box
from asmnet_edge.pictures import Picture

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
