"""Sources of calibration faces: annotated data sets, drawn faces, or a folder of pictures.

In pictures without annotations, faces are found by the runtime's detector, as on a device. Their
landmarks are predictions of the float model, accurate enough for cropping and for their pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asmnet_edge.converters.calibration.calibration_set import (
    COUNT,
    CalibrationSet,
    Progress,
    calibrate_on,
)
from asmnet_edge.converters.calibration.leakage import UNLABELLED
from asmnet_edge.datasets.annotated_crops import crops_of
from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.datasets.sample import Dataset, Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, PictureError, UsageError
from asmnet_edge.geometry.crop import from_relative, invert, transform
from asmnet_edge.geometry.landmarks import Box, Landmarks
from asmnet_edge.io.images import SUFFIXES, read_image
from asmnet_edge.runtime.detector import Detector, DetectorOptions, prepare_detector
from asmnet_edge.runtime.haar import detect_haar

if TYPE_CHECKING:
    from asmnet_edge.training.float_model import FloatModel

DRAWN = "synthetic:256"
PICTURES_HELD_OUT = 30.0  # % of unlabelled pictures to check and score artifacts on
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
            boxes = self._detector(read_image(file))
        except PictureError as error:
            on_broken(error)
            return []
        if not boxes:
            on_broken(DataError(f"no face was found in {file}"))
        names = [name] if len(boxes) == 1 else [f"{name}#{k}" for k in range(1, len(boxes) + 1)]
        load = partial(read_image, file)
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


@dataclass(frozen=True)
class FaceSource:
    """Options of a source of calibration faces.

    words : "kind:argument" of a data set as in the catalog (`asmnet_edge.datasets.catalog`), or
    "pictures:DIR" for pictures without annotations; count : at most so many faces
    detector : name of the detector that finds faces in unlabelled pictures
    not_in : "kind:argument" of data sets whose test faces must not be among them
    detector_model : file with the detector's network, for detectors that need one
    """

    words: str = DRAWN
    count: int = COUNT
    detector: str = "haar"
    not_in: tuple[str, ...] = ()
    detector_model: Path | None = None

    def __post_init__(self) -> None:
        if self.is_unlabelled and not self.folder.is_dir():
            raise DataError(f"there is no folder {self.folder}", "Give a folder of pictures")
        if self.detector != "haar" and not self.is_unlabelled:
            raise UsageError("--detector is for pictures:DIR; other faces are annotated")

    @property
    def is_unlabelled(self) -> bool:
        return self.words.partition(":")[0] == UNLABELLED

    @property
    def folder(self) -> Path:
        return Path(self.words.partition(":")[2]).expanduser()

    def on_broken_again(self, error: DataError) -> None:
        """Ignore errors of unlabelled pictures, which calibration has reported; raise others."""
        if not self.is_unlabelled:
            refuse(error)

    def described(self) -> str:
        """Describe the faces to choose from, without reading a picture."""
        if self.is_unlabelled:
            return f"up to {self.count} faces found in {self.folder}"
        dataset = open_dataset(self.words)
        available = dataset.samples("train") if "train" in dataset.subsets else ()
        return f"up to {self.count} of {len(available)} training faces of {dataset.name}"

    def calibration(
        self, model: FloatModel, on_broken: OnBroken = refuse, progress: Progress = iter
    ) -> CalibrationSet:
        """Return the calibration set for ``model``; see `calibrate_on` for errors."""
        percent = self.held_out_percent(model)
        not_in = [open_dataset(words) for words in self.not_in]
        faces = self.dataset(model)
        return calibrate_on(faces, model.crop, self.count, percent, not_in, on_broken, progress)

    def held_out_percent(self, model: FloatModel) -> float:
        """Share of the identities in % that is held out of calibration."""
        return PICTURES_HELD_OUT if self.is_unlabelled else model.validation_percent

    def dataset(self, model: FloatModel) -> Dataset:
        """Open the data set; unlabelled pictures get the landmarks that ``model`` predicts."""
        if not self.is_unlabelled:
            return open_dataset(self.words)
        options = DetectorOptions(self.detector_model, model.crop.margin)
        prepare = prepare_detector(self.detector, options)
        return UnlabelledPictures(self.folder, model, prepare())
