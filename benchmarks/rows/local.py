"""A row in this process: timed calls, stages, outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.latency.turn import Turn, WarmUp, take_turn, warm_up
from asmnet_edge.benchmarks.rows.candidates import Candidate
from asmnet_edge.benchmarks.rows.stages import Stages, opencv_threads, pass_through
from asmnet_edge.crop import CropRule
from asmnet_edge.errors import ModelError
from asmnet_edge.metrics import inter_ocular
from asmnet_edge.runtime.backends.backend import Crop
from asmnet_edge.schemes import LandmarkScheme

COLLAPSED = 1e-6  # distance of the eyes, of the crop's side, that nothing can be measured in


class Row(Protocol):
    """A model that is measured, in this process (`LocalRow`) or in its own (`WorkerRow`).

    facts : what the record says of it; source_sha256 : of the float model that it was made from
    """

    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def source_sha256(self) -> str: ...
    @property
    def crop(self) -> CropRule: ...
    @property
    def scheme(self) -> LandmarkScheme: ...

    def face(self, crop: Crop) -> None:
        """Take ``crop`` (1, s, s, 3) as what is timed from now on."""

    def warm_up(self, seconds: float) -> WarmUp: ...

    def turn(self, queries: int, seconds: float) -> Turn: ...

    def stages(self, picture: bytes, calls: int) -> Stages:
        """Milliseconds of each stage of ``calls`` passes of an encoded picture."""

    def outputs(self, crops: Crop) -> Outputs:
        """Landmarks (faces, n, 2) and pose (faces, 3) of ``crops`` (faces, s, s, 3)."""


@dataclass
class LocalRow:
    """A `Candidate` that can be measured in this process."""

    candidate: Candidate

    def __post_init__(self) -> None:
        size = self.candidate.crop.size
        self._crop: Crop = np.zeros((1, size, size, 3), np.uint8)
        self.facts, self.source_sha256 = self.candidate.facts, self.candidate.source_sha256
        self.crop, self.scheme = self.candidate.crop, self.candidate.scheme

    def face(self, crop: Crop) -> None:
        self._crop = np.ascontiguousarray(crop)

    def warm_up(self, seconds: float) -> WarmUp:
        return warm_up(self._call, seconds)

    def turn(self, queries: int, seconds: float) -> Turn:
        return take_turn(self._call, queries, seconds)

    def _call(self) -> object:
        return self.candidate.backend.run(self._crop)

    def stages(self, picture: bytes, calls: int) -> Stages:
        with opencv_threads(self.facts["threads"]):
            return pass_through(self.candidate, picture, calls)

    def outputs(self, crops: Crop) -> Outputs:
        outputs = self.candidate.outputs(crops)
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(f"{self.facts['name']} gives numbers that are not finite")
        if not (inter_ocular(outputs[0], self.scheme) > COLLAPSED).all():
            raise ModelError(f"{self.facts['name']} puts both eyes of a face in one place")
        return outputs
