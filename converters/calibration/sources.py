"""From what a person asks for to calibration faces: a data set, a folder of pictures, or drawings.

Kinds are those of the catalog, and ``pictures:DIR`` for pictures that nobody annotated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.converters.calibration.crops import COUNT, CalibrationSet, Progress, calibrate_on
from asmnet_edge.converters.calibration.testfaces import UNLABELLED
from asmnet_edge.data.catalog import open_dataset
from asmnet_edge.data.sample import Dataset, OnBroken, refuse
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.runtime.detector import DetectorOptions, prepare_detector

if TYPE_CHECKING:
    from asmnet_edge.training.floatmodel import FloatModel

DRAWN = "synthetic:256"
PICTURES_HELD_OUT = 30.0  # % of pictures that no model was trained on, to check and judge on


@dataclass(frozen=True)
class FaceSource:
    """Where calibration faces come from, in a person's words.

    words : "kind:argument"; detector : how faces are found in unlabelled pictures
    not_in : data sets, likewise in words, whose test faces must not be among them
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
        """What calibrating told and left out, as pictures without a face, is left out quietly."""
        if not self.is_unlabelled:
            refuse(error)

    def described(self) -> str:
        """What is there to choose from, without reading a picture."""
        if self.is_unlabelled:
            return f"up to {self.count} faces found in {self.folder}"
        dataset = open_dataset(self.words)
        there = len(_training(dataset))
        return f"up to {self.count} of {there} training faces of {dataset.name}"

    def calibration(
        self, model: FloatModel, on_broken: OnBroken = refuse, progress: Progress = iter
    ) -> CalibrationSet:
        """The faces for ``model``; see `calibrate_on`."""
        percent = self.held_out_percent(model)
        not_in = [open_dataset(words) for words in self.not_in]
        faces = self.dataset(model)
        return calibrate_on(faces, model.crop, self.count, percent, not_in, on_broken, progress)

    def held_out_percent(self, model: FloatModel) -> float:
        """How many of the identities, in %, are not to be calibrated on."""
        return PICTURES_HELD_OUT if self.is_unlabelled else model.validation_percent

    def dataset(self, model: FloatModel) -> Dataset:
        """The data set that the words name; pictures without landmarks get those of ``model``."""
        if not self.is_unlabelled:
            return open_dataset(self.words)
        from asmnet_edge.converters.calibration.pictures import UnlabelledPictures

        prepare = prepare_detector(self.detector, DetectorOptions(margin=model.crop.margin))
        return UnlabelledPictures(self.folder, model, prepare())


def _training(dataset: Dataset) -> Sequence[object]:
    return dataset.samples("train") if "train" in dataset.subsets else ()
