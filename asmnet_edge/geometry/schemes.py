"""Landmark schemes: the meaning of each point of a face, and the points that belong together.

Here are ``ibug68`` (300W: Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013) and
``wflw98`` (Wu et al., "Look at Boundary", CVPR 2018). `SCHEMES` lists all known schemes: to add
one, write a module with a `LandmarkScheme` and add a line to it. Left and right are the picture's.

The command line's help lists the schemes, so this module does not load NumPy when it is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from asmnet_edge.errors import UsageError
from asmnet_edge.io.registry import Entry, Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    IntArray = NDArray[np.intp]


def _pairs_of_runs(*runs: tuple[range, range]) -> dict[int, int]:
    """Index pairs made by walking the two ranges of each run in step."""
    return {a: b for left, right in runs for a, b in zip(left, right, strict=True)}


@dataclass(frozen=True)
class LandmarkScheme:
    """Numbering of a set of landmarks.

    points : number of landmarks n
    groups : region name -> its indices, every index in exactly one region
    contours : polylines to draw, as (indices, closed)
    swaps : left index -> right index; points on the midline are left out
    eye_corners : the two outer eye corners, whose distance normalises the NME
    eyes : indices of each eye, whose centres define the inter-pupil distance
    to_ibug68 : for each of the 68 iBUG points, the index here; pose is fitted to those. Empty where
    the scheme does not have them all: then pose is known only where a data set gives it
    failure : NME as a fraction above which the data set's protocol counts a face as failed
    """

    name: str
    points: int
    groups: Mapping[str, tuple[int, ...]]
    contours: tuple[tuple[tuple[int, ...], bool], ...]
    swaps: Mapping[int, int]
    eye_corners: tuple[int, int]
    eyes: tuple[tuple[int, ...], tuple[int, ...]]
    to_ibug68: tuple[int, ...] = ()
    failure: float = 0.08  # 300W: Sagonas et al., ICCVW 2013

    def __post_init__(self) -> None:
        members = sorted(i for group in self.groups.values() for i in group)
        if members != list(range(self.points)):
            raise ValueError(f"{self.name}: groups must hold each of {self.points} indices once")
        if len(self.to_ibug68) not in (0, 68):
            raise ValueError(f"{self.name}: to_ibug68 must hold 68 indices or none")
        drawn = [i for line, _ in self.contours for i in line]
        eyes = [*self.eye_corners, *self.eyes[0], *self.eyes[1]]
        used = [*self.to_ibug68, *self.swaps, *self.swaps.values(), *eyes, *drawn]
        if wrong := [i for i in used if not 0 <= i < self.points]:
            raise ValueError(f"{self.name}: there is no point {wrong[0]} of {self.points}")

    @property
    def flip(self) -> IntArray:
        """Order of the points after mirroring, (n,): ``mirrored[flip]`` is in scheme again."""
        import numpy as np

        order = np.arange(self.points)
        for left, right in self.swaps.items():
            order[left], order[right] = right, left
        return order

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Pickle by name, so that a worker process gets its own copy of the very same scheme."""
        return scheme_named, (self.name,)


def _run(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


IBUG68 = LandmarkScheme(
    name="ibug68",
    points=68,
    groups=MappingProxyType(
        {
            "jaw": _run(0, 16),
            "left_brow": _run(17, 21),
            "right_brow": _run(22, 26),
            "nose": _run(27, 35),
            "left_eye": _run(36, 41),
            "right_eye": _run(42, 47),
            "mouth": _run(48, 67),
        }
    ),
    contours=(
        (_run(0, 16), False),
        (_run(17, 21), False),
        (_run(22, 26), False),
        (_run(27, 30), False),
        (_run(31, 35), False),
        (_run(36, 41), True),
        (_run(42, 47), True),
        (_run(48, 59), True),
        (_run(60, 67), True),
    ),
    swaps=MappingProxyType(
        _pairs_of_runs(
            (range(0, 8), range(16, 8, -1)),
            (range(17, 22), range(26, 21, -1)),
            (range(31, 33), range(35, 33, -1)),
            (range(36, 40), range(45, 41, -1)),
            (range(40, 42), range(47, 45, -1)),
            (range(48, 51), range(54, 51, -1)),
            (range(58, 60), range(56, 54, -1)),
            (range(60, 62), range(64, 62, -1)),
            (range(67, 68), range(65, 66)),
        )
    ),
    eye_corners=(36, 45),
    eyes=(_run(36, 41), _run(42, 47)),
    to_ibug68=_run(0, 67),
)

WFLW98 = LandmarkScheme(
    name="wflw98",
    points=98,
    groups=MappingProxyType(
        {
            "jaw": _run(0, 32),
            "left_brow": _run(33, 41),
            "right_brow": _run(42, 50),
            "nose": _run(51, 59),
            "left_eye": (*_run(60, 67), 96),
            "right_eye": (*_run(68, 75), 97),
            "mouth": _run(76, 95),
        }
    ),
    contours=(
        (_run(0, 32), False),
        (_run(33, 41), True),
        (_run(42, 50), True),
        (_run(51, 54), False),
        (_run(55, 59), False),
        (_run(60, 67), True),
        (_run(68, 75), True),
        (_run(76, 87), True),
        (_run(88, 95), True),
    ),
    swaps=MappingProxyType(
        _pairs_of_runs(
            (range(0, 16), range(32, 16, -1)),
            (range(33, 38), range(46, 41, -1)),
            (range(38, 42), range(50, 46, -1)),
            (range(55, 57), range(59, 57, -1)),
            (range(60, 65), range(72, 67, -1)),
            (range(65, 68), range(75, 72, -1)),
            (range(76, 79), range(82, 79, -1)),
            (range(83, 85), range(87, 85, -1)),
            (range(88, 90), range(92, 90, -1)),
            (range(93, 94), range(95, 96)),
            (range(96, 97), range(97, 98)),
        )
    ),
    eye_corners=(60, 72),
    eyes=(_run(60, 67), _run(68, 75)),
    to_ibug68=(
        *range(0, 33, 2),
        *_run(33, 37),
        *_run(42, 46),
        *_run(51, 59),
        *(60, 61, 63, 64, 65, 67),
        *(68, 69, 71, 72, 73, 75),
        *_run(76, 95),
    ),
    failure=0.10,  # Wu et al., CVPR 2018
)


SCHEMES = Registry(
    "landmark scheme",
    Entry("ibug68", __name__, "IBUG68", "68 points of 300W and most other data sets"),
    Entry("wflw98", __name__, "WFLW98", "98 points of WFLW"),
)


def scheme_named(name: str) -> LandmarkScheme:
    """Return the scheme ``name``; `UsageError` lists the known ones."""
    scheme: LandmarkScheme = SCHEMES.load(name)
    return scheme


def scheme_with(points: int) -> LandmarkScheme:
    """Return the first scheme with that many points; `UsageError` lists the known counts."""
    schemes = [scheme_named(name) for name in SCHEMES]
    for scheme in schemes:
        if scheme.points == points:
            return scheme
    known = ", ".join(f"{s.points} ({s.name})" for s in schemes)
    raise UsageError(f"no landmark scheme has {points} points", f"Known: {known}")
