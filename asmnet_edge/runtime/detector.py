"""The registry of face detectors, and `FaceDetector`, which opens one by its name.

A new detector is one module with a function ``prepare(options) -> Callable[[], Detector]`` and one
line in `DETECTORS`: the command line, the runtime and calibration take it from there. Importing
this module loads neither NumPy nor OpenCV.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from asmnet_edge.errors import UsageError

if TYPE_CHECKING:
    from asmnet_edge.geometry.landmarks import Box
    from asmnet_edge.io.images import Picture

# an image (H, W, 3) uint8 BGR -> the faces' boxes in its pixels, largest first
Detector = Callable[["Picture"], Sequence["Box"]]

MARGIN = 1.25  # of the default crop rule, see `asmnet_edge.geometry.crop.CropRule`

# name -> module whose ``prepare`` opens it
DETECTORS: Mapping[str, str] = MappingProxyType(
    {
        "haar": "asmnet_edge.runtime.haar",
        "yunet": "asmnet_edge.runtime.yunet",
        "none": "asmnet_edge.runtime.detector",
    }
)


@dataclass(frozen=True)
class DetectorOptions:
    """Options of any detector; each reads those that concern it.

    model : file with the detector's network, for those that need one
    margin : of the landmark network's crop rule: the side of its crop in sides of the face's box
    fast : trade small faces for speed, as for video
    """

    model: Path | None = None
    margin: float = MARGIN
    fast: bool = False

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise UsageError(f"a crop's margin must be positive, got {self.margin}")


def check_detector(name: str) -> None:
    """Raise `UsageError` with the known names if ``name`` is none of them."""
    if name not in DETECTORS:
        raise UsageError(f"no detector {name!r}", f"Known: {', '.join(DETECTORS)}")


def prepare_detector(name: str, options: DetectorOptions | None = None) -> Callable[[], Detector]:
    """Return a function that opens the detector ``name``: once for each thread that uses it.

    What can be wrong with the options or the detector's model is found here: `UsageError`,
    `ModelError`, `MissingExtraError`.
    """
    check_detector(name)
    module = importlib.import_module(DETECTORS[name])
    opening: Callable[[], Detector] = module.prepare(options or DetectorOptions())
    return opening


class FaceDetector:
    """A face detector by its name: ``FaceDetector("haar")(image)`` returns boxes.

    name : one of `DETECTORS`; options : see `DetectorOptions`
    Boxes lie where the tight box of the face's landmarks would, so that any landmark network's crop
    rule applies to them. Use one instance in one thread.
    """

    def __init__(self, name: str = "haar", options: DetectorOptions | None = None) -> None:
        self.name = name
        self._detect = prepare_detector(name, options)()

    def __call__(self, image: Picture) -> Sequence[Box]:
        """Boxes of the faces in ``image`` (H, W, 3) uint8 BGR, in its pixels, largest first."""
        return self._detect(image)

    detect = __call__


def whole_picture(picture: Picture, margin: float = MARGIN) -> list[Box]:
    """Return the one box whose crop by ``margin`` is the middle square of ``picture`` (H, W, 3)."""
    from asmnet_edge.geometry.landmarks import Box

    height, width = picture.shape[:2]
    side = min(height, width) / margin
    return [Box((width - 1 - side) / 2, (height - 1 - side) / 2, side, side)]


def prepare(options: DetectorOptions) -> Callable[[], Detector]:
    """Open the detector ``none``: each image is one face."""
    return lambda: partial(whole_picture, margin=options.margin)
