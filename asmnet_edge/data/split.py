"""Holding validation faces out of training, by person, the same ones on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
