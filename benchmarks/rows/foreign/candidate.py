"""Landmark networks of others as rows; `described` reads what they want and give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.rows.candidates import Candidate
from asmnet_edge.benchmarks.rows.foreign.described import Foreign, ForeignOutput, read_foreign
from asmnet_edge.benchmarks.rows.foreign.rawruntime import RawRun, Results, open_raw
from asmnet_edge.crop import CropRule
from asmnet_edge.errors import UsageError
from asmnet_edge.files import sha256
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import fit_pose
from asmnet_edge.runtime.backends.backend import Crop, Outputs, run_all


class ForeignBackend:
    """A described network that takes and gives what our artifacts do; it has no pose, so 0."""

    def __init__(self, described: Foreign, raw: RawRun) -> None:
        self.name, self._described, self._raw = raw.name, described, raw

    def run(self, crop: Crop) -> Outputs:
        told = self._described
        values = _chosen(self._raw.run(told.input.prepare(crop)), told.output)
        landmarks = told.output.restore(np.asarray(values, np.float32), told.input.size)
        return landmarks.astype(np.float32), np.zeros(3, np.float32)


def _chosen(results: Results, output: ForeignOutput) -> Any:
    wanted = output.name or output.index
    try:
        return results[wanted]
    except KeyError:
        there = [f"{n!r} {tuple(np.shape(values))}" for n, values in results.items()]
        raise UsageError(
            f"the network has no output {wanted!r}",
            f"Say index = or name = under [output]; there are: {', '.join(there)}",
        ) from None


@dataclass(frozen=True)
class ForeignCandidate(Candidate):
    """Its pose is fitted to its landmarks, outside of what is timed."""

    def outputs(self, crops: Crop) -> tuple[FloatArray, FloatArray]:
        landmarks, _ = run_all(self.backend, crops)
        return landmarks, fit_pose(landmarks.astype(np.float64), self.scheme)


def foreign_candidate(path: Path, threads: int) -> Candidate:
    """The network that the TOML file at ``path`` describes."""
    told = read_foreign(path)
    backend = ForeignBackend(told, open_raw(told.model, threads))
    facts = {
        "name": str(told.facts.get("name", path.stem)),
        "format": told.model.suffix[1:],
        "precision": str(told.facts.get("precision", "float32")),
        "runtime": backend.name,
        "bytes": sum(file.stat().st_size for file in told.files),
        "parameters": told.facts.get("parameters"),
        "multiply_adds": told.facts.get("multiply_adds"),
        "operators": None,
        "threads": threads,
        "foreign": True,
        "licence": told.facts.get("licence"),
        "pose": "fitted to its landmarks",
    }
    rule = CropRule(told.input.margin, told.input.size)
    return ForeignCandidate(facts, backend, sha256(told.model), rule, told.scheme)
