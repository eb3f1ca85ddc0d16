"""Annotated faces copied to another machine: a CSV data set of the same picture files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asmnet_edge.benchmarks.accuracy.truth import missing_as_json
from asmnet_edge.data.sample import Dataset
from asmnet_edge.data.tablefiles import TABLE, picture_suffix, table_files

FOLDER = "data"
NAMES = "faces.json"  # name of the faces on this machine, and the parts that this copy lacks


@dataclass(frozen=True)
class RemoteFaces:
    """Faces of one subset, as files for the other machine and by their name on this one."""

    dataset: Dataset
    subset: str

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield (path, content) of table, pictures and `NAMES`; `DataError` without the subset."""
        samples = self.dataset.samples(self.subset)
        names = [f"{n:05d}{picture_suffix(sample)}" for n, sample in enumerate(samples)]
        for path, content in table_files(samples, names):
            yield f"{FOLDER}/{path}", content
        missing = missing_as_json(self.dataset.missing(self.subset))
        names_here = {"on": f"{self.dataset.name} {self.subset}", "missing": missing}
        yield NAMES, json.dumps(names_here).encode()

    def words(self, folder: str) -> list[str]:
        """Return the options of ``benchmark run`` where the files lie in ``folder``."""
        return ["--data", f"csv:{folder}/{FOLDER}/{TABLE}", "--subset", "train"]


def named_as_here(content: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Return the record ``content`` with its faces named as `NAMES` has them."""
    faces = content["settings"]["faces"] | names
    results = [
        row | {"accuracy": row["accuracy"] | {"on": names["on"]}} if row.get("accuracy") else row
        for row in content["results"]
    ]
    return {**content, "settings": {**content["settings"], "faces": faces}, "results": results}
