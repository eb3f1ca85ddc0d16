"""Which of a data set's subsets are evaluated, and what this copy of it lacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from asmnet_edge.benchmarks.accuracy.truth import gaps_in_words, missing_as_json
from asmnet_edge.data.sample import Dataset, Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, NotAFaceError

TRAINING = "train"  # the one subset that may be learnt from


@dataclass(frozen=True)
class Subset:
    """The faces of one subset; missing : what the official one has besides; broken : left out."""

    name: str
    samples: tuple[Sample, ...]
    missing: tuple[Missing, ...] = ()
    broken: int = 0


@dataclass
class Reading:
    """Reads subsets and remembers what was broken and what was passed over.

    broken, skipped : messages, each once; refused : an error that ``on_broken`` raised
    """

    dataset: Dataset
    on_broken: OnBroken = refuse
    broken: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: bool = False

    def tell(self, error: DataError) -> None:
        """Pass ``error`` on to ``on_broken``; remember it if that lets the face be left out."""
        if error.message in self.broken:
            return
        self.refused = True
        self.on_broken(error)
        self.refused = False
        self.broken.append(error.message)

    def chosen(self, asked: Sequence[str]) -> list[Subset]:
        """The subsets ``asked`` for, or all test subsets that have a face.

        A data set that is all training data gives that. `DataError` names what lacks when an
        asked-for subset, or all of them, have no face.
        """
        if asked:
            return [self._read(name) for name in dict.fromkeys(asked)]
        test = [name for name in self.dataset.subsets if name != TRAINING]
        found = [subset for name in test or [TRAINING] if (subset := self._read_or_skip(name))]
        if not found:
            raise DataError(f"there is no face to evaluate on: {'; '.join(self.skipped)}")
        return found

    def _read(self, name: str) -> Subset:
        told: list[DataError] = []

        def tell(error: DataError) -> None:
            self.tell(error)
            if not isinstance(error, NotAFaceError):
                told.append(error)

        samples, missing = self.dataset.samples(name, tell), tuple(self.dataset.missing(name))
        if not samples:
            gaps = gaps_in_words(missing_as_json(missing), len(told))
            raise DataError(f"no face of {name!r} is here" + (f": it lacks {gaps}" if gaps else ""))
        return Subset(name, tuple(samples), missing, len(told))

    def _read_or_skip(self, name: str) -> Subset | None:
        try:
            return self._read(name)
        except DataError as error:
            if self.refused:
                raise
            self.skipped.append(f"{name} is left out: {error.message}")
            return None
