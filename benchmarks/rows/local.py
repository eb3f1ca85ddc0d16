"""A case in this process: timed calls, stages, outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.latency.turn import Turn, take_turn, warm_up
from asmnet_edge.benchmarks.record_types import CaseResult, WarmUp
from asmnet_edge.benchmarks.rows.candidates import CallableModel
from asmnet_edge.benchmarks.rows.stages import Stages, opencv_threads, time_stages
from asmnet_edge.errors import ModelError
from asmnet_edge.metrics import inter_ocular
from asmnet_edge.runtime.backends.backend import Crop

COLLAPSED = 1e-6  # inter-ocular distance, of the crop's side, below which nothing can be measured


@dataclass
class LocalRow:
    """A `CallableModel` that is measured in this process; see `rows.worker.Row`."""

    model: CallableModel
    unmeasured: CaseResult

    def __post_init__(self) -> None:
        size = self.model.crop.size
        self._crop: Crop = np.zeros((1, size, size, 3), np.uint8)
        self.crop, self.scheme = self.model.crop, self.model.scheme

    def face(self, crop: Crop) -> None:
        self._crop = np.ascontiguousarray(crop)

    def warm_up(self, seconds: float) -> WarmUp:
        return warm_up(self._call, seconds)

    def turn(self, queries: int, seconds: float) -> Turn:
        return take_turn(self._call, queries, seconds)

    def _call(self) -> object:
        return self.model.backend.run(self._crop)

    def stages(self, picture: bytes, calls: int) -> Stages:
        with opencv_threads(self.unmeasured.threads or 1):
            return time_stages(self.model, picture, calls)

    def outputs(self, crops: Crop) -> Outputs:
        """Outputs of the model; `ModelError` where nothing can be measured on them."""
        outputs = self.model.outputs(crops)
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(f"{self.unmeasured.name} gives numbers that are not finite")
        if not (inter_ocular(outputs[0], self.scheme) > COLLAPSED).all():
            raise ModelError(f"{self.unmeasured.name} puts both eyes of a face in one place")
        return outputs
