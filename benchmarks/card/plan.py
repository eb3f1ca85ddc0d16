"""What a card is to be made of, and all that can be told of it before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.card.formats import shipped_int8
from asmnet_edge.benchmarks.card.known import Known, read_known, told_of
from asmnet_edge.benchmarks.card.origin import origin_of, without_folders
from asmnet_edge.errors import UsageError


@dataclass(frozen=True)
class CardPlan:
    """What is asked for.

    models : float model files; data : a data set in words; output : path without suffix; known : a
    file that tells more of weights; faces : of each kind at most, None for all; drawn, wide : how
    many drawn faces, and how many of those that are turned up to 90 degrees
    """

    models: tuple[Path, ...]
    data: str
    output: Path
    known: Path
    faces: int | None = None
    drawn: int = 1000
    wide: int = 500

    def __post_init__(self) -> None:
        if not self.models or not self.data:
            raise UsageError("a card needs a MODEL.keras and --data", "Such as --data 300w:DIR")
        if len({path.stem for path in self.models}) < len(self.models):
            raise UsageError("two models are called the same", "Each needs a name of its own")

    def at_most(self, count: int) -> int:
        """``count`` faces, or as few as a trial takes."""
        return min(count, self.faces or count)

    def origins(self) -> dict[Path, dict[str, Any]]:
        """What files tell of each model: its origin, remarks on it and the log of its training."""
        known = read_known(self.known)
        return {path: self._origin(path, known) for path in self.models}

    def _origin(self, path: Path, known: dict[str, Known]) -> dict[str, Any]:
        origin = origin_of(path)
        digest = origin["sha256"]
        shipped_int8(path, digest)  # raises if they do not belong together
        return {**origin, "path": shown(path), **told_of(digest, known)}

    @property
    def data_words(self) -> str:
        """The data set as a reader would name it: ``300w:DIR``."""
        words = without_folders(self.data)
        return words if ":" in words else f"{words}:DIR"

    @property
    def command(self) -> str:
        """The command that makes the card again, less what only tells of this machine."""
        models, output = " ".join(map(shown, self.models)), shown(self.output)
        faces = f" --faces {self.faces}" if self.faces else ""
        made = f"python scripts/make_card.py {models} --data {self.data_words}{faces}"
        return f"{made} --output {output}"


def shown(path: Path) -> str:
    """``path`` as seen from here; of one that lies elsewhere its name alone."""
    here, there = Path.cwd(), path.resolve()
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else path.name
