"""What a card is to be made of, and all that can be told of it before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.card.card import log_before
from asmnet_edge.benchmarks.card.formats import shipped_int8
from asmnet_edge.benchmarks.card.origin import origin_of, without_folders
from asmnet_edge.benchmarks.card.remarks import read_remarks
from asmnet_edge.benchmarks.card.trainlog import read_logs
from asmnet_edge.errors import UsageError


@dataclass(frozen=True)
class CardPlan:
    """What is asked for.

    models : float model files; data : a data set in words; output : path without suffix; log :
    ``[MODEL.keras=]FILE`` for each run of training, the first one first; remarks : their file;
    faces : of each kind at most, None for all; drawn : faces
    """

    models: tuple[Path, ...]
    data: str
    output: Path
    remarks: Path
    log: tuple[str, ...] = ()
    faces: int | None = None
    drawn: int = 1000

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
        logs, remarks = self._logs(), read_remarks(self.remarks)
        return {path: self._origin(path, logs[path], remarks) for path in self.models}

    def _origin(
        self, path: Path, logs: list[Path], remarks: Mapping[str, list[str]]
    ) -> dict[str, Any]:
        origin = origin_of(path)
        digest = origin["sha256"]
        shipped_int8(path, digest)  # raises if they do not belong together
        log = read_logs(logs) if logs else log_before(self.output, digest)
        return {**origin, "path": shown(path), "remarks": remarks.get(digest, []), "log": log}

    def _logs(self) -> dict[Path, list[Path]]:
        """The logs of each model; without a name they are the one model's."""
        found: dict[Path, list[Path]] = {path: [] for path in self.models}
        for words in self.log:
            name, separator, file = words.rpartition("=")
            named = [path for path in self.models if path.name == name or not separator]
            if len(named) != 1:
                raise UsageError(
                    f"--log {words} does not tell whose it is", "Write --log MODEL.keras=FILE"
                )
            found[named[0]].append(Path(file))
        return found

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
