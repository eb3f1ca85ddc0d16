"""Conversion jobs: formats times precisions, and the files that each job writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asmnet_edge.errors import UsageError
from asmnet_edge.formats import CALIBRATED, FormatSpec, Precision, all_formats, format_named
from asmnet_edge.manifest import manifest_path


@dataclass(frozen=True)
class ConversionJob:
    """One artifact to make.

    format : name of its format, as in `asmnet_edge.formats`; keep_float : layers to keep in float
    (see `Recipe`)
    """

    format: str
    precision: Precision
    keep_float: tuple[str, ...] = ()

    @property
    def spec(self) -> FormatSpec:
        """The format of the artifact."""
        return format_named(self.format)

    @property
    def is_calibrated(self) -> bool:
        """Whether activation ranges are measured on faces for it."""
        return self.precision in CALIBRATED

    def path(self, folder: Path, stem: str) -> Path:
        """Path of the artifact in ``folder``, from the ``stem`` of the float model's name."""
        return folder / f"{stem}-{self.precision}{self.spec.suffix}"

    def files(self, folder: Path, stem: str) -> list[Path]:
        """Paths of all files that the job writes: the artifact's, then its manifest."""
        path = self.path(folder, stem)
        return [*self.spec.files(path), manifest_path(path)]


def jobs_for(formats: Sequence[str], precisions: Sequence[str]) -> list[ConversionJob]:
    """Return a job for each format and precision, without those that a format does not offer.

    `UsageError` for an unknown format or precision, and when none of ``formats`` offers one of
    ``precisions``.
    """
    specs = [format_named(name) for name in dict.fromkeys(formats)]
    wanted = [_precision(word) for word in dict.fromkeys(precisions)]
    for precision in wanted:
        if not any(precision in spec.precisions for spec in specs):
            having = [spec.name for spec in all_formats() if precision in spec.precisions]
            raise UsageError(
                f"there is no {precision} for {', '.join(formats)}",
                f"It is made for {', '.join(having)}",
            )
    return [ConversionJob(s.name, p) for s in specs for p in wanted if p in s.precisions]


def _precision(word: str) -> Precision:
    try:
        return Precision(word)
    except ValueError as error:
        raise UsageError(
            f"no precision is called {word!r}", f"Known: {', '.join(Precision)}"
        ) from error
