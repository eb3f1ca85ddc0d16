"""The process of a case: it loads the model and answers the questions of the benchmark."""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.cases import Case
from asmnet_edge.benchmarks.evaluation_faces import Outputs
from asmnet_edge.benchmarks.record_types import CaseResult, WarmUp
from asmnet_edge.benchmarks.timing import (
    Stages,
    Turn,
    take_turn,
    time_stages,
    warm_up,
)
from asmnet_edge.benchmarks.timing_loop import failure
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.metrics import inter_ocular
from asmnet_edge.io.system import opencv_threads, set_keras_defaults
from asmnet_edge.runtime.backends.backend import Crop

COLLAPSED = 1e-6  # inter-ocular distance, of the crop's side, below which nothing can be measured


@dataclass
class LocalRunner:
    """A `CallableModel` that is measured in this process; see `worker.CaseRunner`."""

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
        if not (inter_ocular(outputs[0], self.scheme) > COLLAPSED).all():
            raise ModelError(f"{self.unmeasured.name} puts both eyes of a face in one place")
        return outputs


# Questions and answers; `worker.WorkerRunner` is at the other end


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Open the case that comes first, then answer calls of its runner's methods until the end."""
    runner: Any = None
    with suppress(EOFError):
        while True:
            question = pickle.load(questions)
            try:
                if runner is None:
                    runner, answer = _open(question)
                else:
                    method, arguments = question
                    answer = getattr(runner, method)(*arguments)
                reply = (True, answer)
            except Exception as error:  # whatever it is, it is this case's failure
                reply = (False, failure(error))
            pickle.dump(reply, answers, 5)
            answers.flush()


def _open(case: Case) -> tuple[Any, Any]:
    from asmnet_edge.benchmarks.model_loading import identified, open_checked_model

    model = open_checked_model(case)
    runner = LocalRunner(model, identified(case, model))
    return runner, (runner.unmeasured, runner.crop, runner.scheme)


def main() -> None:
    """Serve on standard output, and send everything that libraries print to standard error."""
    set_keras_defaults()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
