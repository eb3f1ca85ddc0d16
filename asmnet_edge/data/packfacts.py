"""What a pack on disk says of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from asmnet_edge.crop import CropRule
from asmnet_edge.data.sample import Dataset, Missing
from asmnet_edge.errors import DataError
from asmnet_edge.schemes import LandmarkScheme, scheme_named

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class PackFacts:
    """Where a pack comes from and how its faces were cut.

    dataset, subset, licence, missing : as the data set told them; quality : of the JPEGs
    """

    dataset: str
    subset: str
    licence: str
    scheme: LandmarkScheme
    rule: CropRule
    quality: int
    missing: tuple[Missing, ...] = ()

    @classmethod
    def of(
        cls, dataset: Dataset, subset: str, rule: CropRule, quality: int, left_out: int = 0
    ) -> PackFacts:
        """The facts of ``dataset``; its ``left_out`` broken faces count as missing as well."""
        missing = [*dataset.missing(subset)]
        missing += [Missing("broken faces, left out", left_out)] if left_out else []
        told = (dataset.name, subset, dataset.licence, dataset.scheme)
        return cls(*told, rule, quality, tuple(missing))

    def as_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in ("dataset", "subset", "licence", "quality")},
            "scheme": self.scheme.name,
            "margin": self.rule.margin,
            "size": self.rule.size,
            "missing": [asdict(missing) for missing in self.missing],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> PackFacts:
        """Facts as `as_json` made them; `DataError` for another version of the format."""
        version = content["schema_version"]
        if version != SCHEMA_VERSION:
            raise DataError(f"schema version {version!r}, this program reads {SCHEMA_VERSION}")
        words = [content[name] for name in ("dataset", "subset", "licence")]
        if not all(isinstance(word, str) for word in words):
            raise DataError(f"data set, subset and licence must be words, got {words}")
        dataset, subset, licence = words
        return cls(
            dataset,
            subset,
            licence,
            scheme_named(content["scheme"]),
            CropRule(float(content["margin"]), int(content["size"])),
            int(content["quality"]),
            tuple(Missing(str(m["part"]), int(m["faces"])) for m in content["missing"]),
        )
