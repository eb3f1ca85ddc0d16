"""Subsets of a data set to evaluate, and what this copy of the data set lacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from asmnet_edge.benchmarks.accuracy.truth import gaps_in_words, missing_as_json
from asmnet_edge.data.sample import Dataset, Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, NotAFaceError

TRAINING = "train"  # the only subset that models are trained on


@dataclass(frozen=True)
class Subset:
    """Faces of one subset; missing : parts that only the official one has; broken : left out."""

    name: str
    samples: tuple[Sample, ...]
    missing: tuple[Missing, ...] = ()
    broken: int = 0


@dataclass
class Reading:
    """Reader of subsets that collects what was broken and what was skipped.

    broken, skipped : messages, each once; refused : whether ``on_broken`` raised an error
    """

    dataset: Dataset
    on_broken: OnBroken = refuse
    broken: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: bool = False

    def report(self, error: DataError) -> None:
        """Pass ``error`` on to ``on_broken``; collect it if that lets the face be left out."""
        if error.message in self.broken:
            return
        self.refused = True
        self.on_broken(error)
        self.refused = False
        self.broken.append(error.message)

    def chosen(self, names: Sequence[str]) -> list[Subset]:
        """Return the subsets ``names``, or all test subsets that have a face.

        A data set that has training data only gives that. `DataError` if a named subset, or every
        subset, has no face here; it says which parts are missing.
        """
        if names:
            return [self._read(name) for name in dict.fromkeys(names)]
        test = [name for name in self.dataset.subsets if name != TRAINING]
        found = [subset for name in test or [TRAINING] if (subset := self._read_or_skip(name))]
        if not found:
            raise DataError(f"there is no face to evaluate on: {'; '.join(self.skipped)}")
        return found

    def _read(self, name: str) -> Subset:
        broken: list[DataError] = []

        def report(error: DataError) -> None:
            self.report(error)
            if not isinstance(error, NotAFaceError):
                broken.append(error)

        samples, missing = self.dataset.samples(name, report), tuple(self.dataset.missing(name))
        if not samples:
            gaps = gaps_in_words(missing_as_json(missing), len(broken))
            raise DataError(f"no face of {name!r} is here" + (f": it lacks {gaps}" if gaps else ""))
        return Subset(name, tuple(samples), missing, len(broken))

    def _read_or_skip(self, name: str) -> Subset | None:
        try:
            return self._read(name)
        except DataError as error:
            if self.refused:
                raise
            self.skipped.append(f"{name} is left out: {error.message}")
            return None
