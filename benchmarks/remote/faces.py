"""Annotated faces on their way to another machine: a CSV data set of the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asmnet_edge.benchmarks.accuracy.truth import missing_as_json
from asmnet_edge.data.sample import Dataset
from asmnet_edge.data.tablefiles import TABLE, picture_suffix, table_files

FOLDER = "data"
NAMES = "faces.json"  # what the faces are called here, and what this copy lacks


@dataclass(frozen=True)
class FacesAbroad:
    """The faces of one subset, as the other machine gets them and as they are called here."""

    dataset: Dataset
    subset: str

    def files(self) -> Iterator[tuple[str, bytes]]:
        """(path, content) of a table, its pictures and `NAMES`; `DataError` without the subset."""
        samples = self.dataset.samples(self.subset)
        names = [f"{n:05d}{picture_suffix(sample)}" for n, sample in enumerate(samples)]
        for path, content in table_files(samples, names):
            yield f"{FOLDER}/{path}", content
        missing = missing_as_json(self.dataset.missing(self.subset))
        told = {"on": f"{self.dataset.name} {self.subset}", "missing": missing}
        yield NAMES, json.dumps(told).encode()

    def words(self, folder: str) -> list[str]:
        """Options of ``benchmark run`` where the files lie in ``folder``."""
        return ["--data", f"csv:{folder}/{FOLDER}/{TABLE}", "--subset", "train"]


def named_as_here(content: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """The record ``content`` with what `NAMES` says of the faces."""
    faces = content["settings"]["faces"] | names
    results = [
        row | {"accuracy": row["accuracy"] | {"on": names["on"]}} if row.get("accuracy") else row
        for row in content["results"]
    ]
    return {**content, "settings": {**content["settings"], "faces": faces}, "results": results}
