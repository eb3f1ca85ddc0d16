"""A folder of pictures without annotations as a data set of faces to calibrate on.

Faces are found by the runtime's detector, as on a device. Their landmarks are predictions of the
float model, which is accurate enough for cropping and for their pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asmnet_edge.converters.calibration.testfaces import UNLABELLED
from asmnet_edge.crop import from_relative, invert, transform
from asmnet_edge.data.crops import crops_of
from asmnet_edge.data.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, PictureError
from asmnet_edge.landmarks import Box, Landmarks
from asmnet_edge.pictures import SUFFIXES, read_picture
from asmnet_edge.runtime.detect import detect_haar
from asmnet_edge.runtime.detector import Detector

if TYPE_CHECKING:
    from asmnet_edge.training.floatmodel import FloatModel

MAX_PICTURES = 512  # to read; of a larger folder, evenly spaced ones
BATCH = 32


class UnlabelledPictures:
    """The faces in all pictures below ``folder``, as one training subset."""

    name = UNLABELLED
    licence = "that of the pictures"
    subsets: Sequence[str] = ("train",)

    def __init__(self, folder: Path, model: FloatModel, detector: Detector = detect_haar) -> None:
        self.folder, self.scheme = folder, model.scheme
        self._model, self._detector = model, detector
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}", "Give a folder of pictures")
        found = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES]
        if not found:
            raise DataError(f"{folder} holds no pictures", f"Known: {', '.join(SUFFIXES)}")
        places = np.linspace(0, len(found) - 1, min(MAX_PICTURES, len(found))).astype(int)
        self._files = [found[i] for i in places]

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the faces found; ``on_broken`` gets errors of unreadable or faceless pictures."""
        if subset != "train":
            raise DataError(f"{self.folder} has no subset {subset!r}", "Known: train")
        faces = [face for file in self._files for face in self._faces(file, on_broken)]
        batches = [faces[start : start + BATCH] for start in range(0, len(faces), BATCH)]
        return [sample for batch in batches for sample in self._with_landmarks(batch)]

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()

    def _faces(self, file: Path, on_broken: OnBroken) -> list[Sample]:
        """Return the faces of one picture, with the mean shape in each box as landmarks."""
        name = str(file.relative_to(self.folder))
        try:
            boxes = self._detector(read_picture(file))
        except PictureError as error:
            on_broken(error)
            return []
        if not boxes:
            on_broken(DataError(f"no face was found in {file}"))
        names = [name] if len(boxes) == 1 else [f"{name}#{k}" for k in range(1, len(boxes) + 1)]
        load = partial(read_picture, file)
        return [Sample(n, name, load, self._within(b)) for n, b in zip(names, boxes, strict=True)]

    def _within(self, box: Box) -> Landmarks:
        """Return the mean shape (n, 2), stretched to fill ``box``, in pixels."""
        mean = self._model.scaling.mean_shape
        low, high = mean.min(axis=0), mean.max(axis=0)
        shape = (mean - low) / (high - low) * [box.width, box.height] + [box.x, box.y]
        return Landmarks(shape, self.scheme)

    def _with_landmarks(self, faces: Sequence[Sample]) -> list[Sample]:
        """Return ``faces`` with landmarks predicted by the float model."""
        rule = self._model.crop.level  # landmarks are still those of a box, which has no roll
        relative, _ = self._model.predict(crops_of(faces, rule))
        found = []
        for face, points in zip(faces, relative, strict=True):
            back = invert(rule.matrix(face.landmarks))
            predicted = transform(from_relative(points, rule.size), back)
            found.append(replace(face, landmarks=Landmarks(predicted, self.scheme)))
        return found
