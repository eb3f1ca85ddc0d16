"""Where calibration faces come from: a data set, a folder of pictures, or drawn faces.

A source is written ``kind:argument``, as the catalog of data sets has them; ``pictures:DIR`` are
pictures without annotations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.converters.calibration.crops import COUNT, CalibrationSet, Progress, calibrate_on
from asmnet_edge.converters.calibration.pictures import UnlabelledPictures
from asmnet_edge.converters.calibration.testfaces import UNLABELLED
from asmnet_edge.data.catalog import open_dataset
from asmnet_edge.data.sample import Dataset, OnBroken, refuse
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.runtime.detector import DetectorOptions, prepare_detector

if TYPE_CHECKING:
    from asmnet_edge.training.floatmodel import FloatModel

DRAWN = "synthetic:256"
PICTURES_HELD_OUT = 30.0  # % of unlabelled pictures to check and score artifacts on


@dataclass(frozen=True)
class FaceSource:
    """Options of a source of calibration faces.

    words : "kind:argument"; count : at most so many faces
    detector : name of the detector that finds faces in unlabelled pictures
    not_in : "kind:argument" of data sets whose test faces must not be among them
    """

    words: str = DRAWN
    count: int = COUNT
    detector: str = "haar"
    not_in: tuple[str, ...] = ()

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
        """Ignore an error that calibration has reported already, of pictures; raise any other."""
        if not self.is_unlabelled:
            refuse(error)

    def described(self) -> str:
        """Describe the faces to choose from, without reading a picture."""
        if self.is_unlabelled:
            return f"up to {self.count} faces found in {self.folder}"
        dataset = open_dataset(self.words)
        there = len(_training(dataset))
        return f"up to {self.count} of {there} training faces of {dataset.name}"

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

        prepare = prepare_detector(self.detector, DetectorOptions(margin=model.crop.margin))
        return UnlabelledPictures(self.folder, model, prepare())


def _training(dataset: Dataset) -> Sequence[object]:
    return dataset.samples("train") if "train" in dataset.subsets else ()
