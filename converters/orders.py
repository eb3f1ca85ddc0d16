"""What can be ordered: formats times precisions, and the files that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from asmnet_edge.converters.recipe import CALIBRATED
from asmnet_edge.errors import UsageError
from asmnet_edge.manifest import Precision, artifact_files, manifest_path
from asmnet_edge.runtime.backends.backend import SUFFIXES

USUAL = (Precision.FLOAT32, Precision.FLOAT16, Precision.DYNAMIC_INT8, Precision.INT8)
# format -> precisions that it can be made in
OFFERED: Mapping[str, tuple[Precision, ...]] = MappingProxyType(
    {"tflite": (*USUAL, Precision.INT8_IO), "onnx": USUAL, "openvino": USUAL}
)


@dataclass(frozen=True)
class Order:
    """One artifact to make: format, precision, and layers to keep in float (see `Recipe`)."""

    format: str
    precision: Precision
    keep_float: tuple[str, ...] = ()

    @property
    def is_calibrated(self) -> bool:
        """Whether activation ranges are measured on faces for it."""
        return self.precision in CALIBRATED

    def path(self, folder: Path, stem: str) -> Path:
        """Where the artifact will lie."""
        return folder / f"{stem}-{self.precision}{SUFFIXES[self.format]}"

    def files(self, folder: Path, stem: str) -> list[Path]:
        """All files that will be written: the artifact's and its manifest."""
        path = self.path(folder, stem)
        return [*artifact_files(path), manifest_path(path)]


def orders_for(formats: Sequence[str], precisions: Sequence[str]) -> list[Order]:
    """An order for each format and precision; those that a format lacks are left out.

    `UsageError` when none of ``formats`` has one of ``precisions``.
    """
    wanted = [Precision(p) for p in dict.fromkeys(precisions)]
    for precision in wanted:
        if not any(precision in OFFERED[format] for format in formats):
            having = [format for format in OFFERED if precision in OFFERED[format]]
            raise UsageError(
                f"there is no {precision} for {', '.join(formats)}",
                f"It is made for {', '.join(having)}",
            )
    return [Order(f, p) for f in formats for p in wanted if p in OFFERED[f]]
