"""Options of a model card, and the facts that need no measuring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.card.formats import shipped_int8
from asmnet_edge.benchmarks.card.known import Known, facts_of, read_known
from asmnet_edge.benchmarks.card.origin import origin_of, without_folders
from asmnet_edge.errors import UsageError


@dataclass(frozen=True)
class CardPlan:
    """Options of a card.

    models : float model files; data : data set, KIND:PATH; output : path without suffix
    known : TOML file with remarks on weights; faces : of each kind at most, None for all
    drawn, wide : number of drawn faces nearly frontal, and of every yaw
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
            raise UsageError("two models have the same name", "Rename one of the files")

    def at_most(self, count: int) -> int:
        """Return ``count`` faces, or as few as a trial has."""
        return min(count, self.faces or count)

    def origins(self) -> dict[Path, dict[str, Any]]:
        """Return origin, remarks and training log of each model."""
        known = read_known(self.known)
        return {path: self._origin(path, known) for path in self.models}

    def _origin(self, path: Path, known: dict[str, Known]) -> dict[str, Any]:
        origin = origin_of(path)
        digest = origin["sha256"]
        shipped_int8(path, digest)  # raises if they do not belong together
        return {**origin, "path": shown(path), **facts_of(digest, known)}

    @property
    def data_words(self) -> str:
        """The data set without its path: ``300w:DIR``."""
        words = without_folders(self.data)
        return words if ":" in words else f"{words}:DIR"

    @property
    def command(self) -> str:
        """The command that makes the card again, without paths of this machine."""
        models, output = " ".join(map(shown, self.models)), shown(self.output)
        faces = f" --faces {self.faces}" if self.faces else ""
        made = f"python scripts/make_card.py {models} --data {self.data_words}{faces}"
        return f"{made} --output {output}"


def shown(path: Path) -> str:
    """Return ``path`` relative to the working directory; its name alone if it lies elsewhere."""
    here, there = Path.cwd(), path.resolve()
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else path.name
