"""Landmark networks of others as callable models; `described` reads what they take and give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.record_types import ModelDescription
from asmnet_edge.benchmarks.rows.candidates import CallableModel
from asmnet_edge.benchmarks.rows.foreign.described import (
    ForeignNetwork,
    ForeignOutput,
    read_foreign,
)
from asmnet_edge.benchmarks.rows.foreign.rawruntime import RawNetwork, Results, open_raw
from asmnet_edge.crop import CropRule
from asmnet_edge.errors import UsageError
from asmnet_edge.files import sha256
from asmnet_edge.runtime.backends.backend import Crop, Outputs


class ForeignBackend:
    """A described network that takes and gives what our artifacts do; it has no pose, so 0."""

    def __init__(self, network: ForeignNetwork, raw: RawNetwork) -> None:
        self.name, self._network, self._raw = raw.name, network, raw

    def run(self, crop: Crop) -> Outputs:
        """Landmarks (n, 2) and pose 0 (3,) of ``crop`` (1, s, s, 3); see `InferenceBackend`."""
        network = self._network
        values = _selected(self._raw.run(network.input.prepare(crop)), network.output)
        landmarks = network.output.restore(np.asarray(values, np.float32), network.input.size)
        return landmarks.astype(np.float32), np.zeros(3, np.float32)


def _selected(results: Results, output: ForeignOutput) -> Any:
    wanted = output.name or output.index
    try:
        return results[wanted]
    except KeyError:
        there = [f"{n!r} {tuple(np.shape(values))}" for n, values in results.items()]
        raise UsageError(
            f"the network has no output {wanted!r}",
            f"Say index = or name = under [output]; there are: {', '.join(there)}",
        ) from None


def foreign_model(path: Path, threads: int) -> CallableModel:
    """Open the network that the TOML file at ``path`` describes."""
    network = read_foreign(path)
    backend = ForeignBackend(network, open_raw(network.model, threads))
    facts = network.facts
    description = ModelDescription(
        name=facts.name or path.stem,
        format=network.model.suffix[1:],
        precision=facts.precision,
        runtime=backend.name,
        bytes=sum(file.stat().st_size for file in network.files),
        parameters=facts.parameters,
        multiply_adds=facts.multiply_adds,
        threads=threads,
        foreign=True,
        licence=facts.licence,
        pose="fitted to its landmarks",
    )
    rule = CropRule(network.input.margin, network.input.size)
    source = sha256(network.model)
    return CallableModel(description, backend, source, rule, network.scheme, fits_pose=True)
