"""Facts about a pack on disk: origin, licence, crop rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asmnet_edge.crop import CropRule
from asmnet_edge.data.sample import Dataset, Missing, Sample, learnable
from asmnet_edge.errors import DataError
from asmnet_edge.schemes import LandmarkScheme, scheme_named

SCHEMA_VERSION = 1
IN_TEST = "photos that a test subset has too, left out"
BROKEN = "broken faces, left out"


@dataclass(frozen=True)
class PackFacts:
    """Origin of a pack and how its faces were cut.

    dataset, subset, licence : of the data set; quality : of the JPEGs, 1 to 100
    missing : what the data set lacks, and what of it was left out of the pack; with the packed
    faces the sum is the official size; drawn : some faces are no photos
    """

    dataset: str
    subset: str
    licence: str
    scheme: LandmarkScheme
    rule: CropRule
    quality: int
    missing: tuple[Missing, ...] = ()
    drawn: bool = False

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        subset: str,
        samples: Sequence[Sample],
        rule: CropRule,
        quality: int,
        broken: int = 0,
    ) -> PackFacts:
        """Return the facts of a pack of ``samples`` of ``dataset``; ``broken`` : faces left out."""
        left_out = {IN_TEST: len(samples) - len(learnable(samples)), BROKEN: broken}
        missing = [*dataset.missing(subset)]
        missing += [Missing(why, faces) for why, faces in left_out.items() if faces]
        origin = (dataset.name, subset, dataset.licence, dataset.scheme)
        drawn = any(sample.drawn for sample in samples)
        return cls(*origin, rule, quality, tuple(missing), drawn)

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        return {
            "schema_version": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in ("dataset", "subset", "licence", "quality")},
            "scheme": self.scheme.name,
            "margin": self.rule.margin,
            "size": self.rule.size,
            "missing": [asdict(missing) for missing in self.missing],
            "drawn": self.drawn,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> PackFacts:
        """Return facts from what `as_json` gave; `DataError` for another version of the format."""
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
            content.get("drawn") is True,
        )
