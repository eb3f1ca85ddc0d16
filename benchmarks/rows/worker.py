"""A row in a process of its own.

So each has its threads, its cores and its memory for itself, one that crashes takes no other along,
and the program that watches stays small. The two talk in pickles over the process's standard input
and output; both ends are ours.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any

import numpy as np

from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.latency.turn import Turn, WarmUp
from asmnet_edge.benchmarks.rows.order import RowOrder
from asmnet_edge.benchmarks.rows.stages import Stages
from asmnet_edge.errors import ModelError
from asmnet_edge.processes import our_python
from asmnet_edge.runtime.backend import Crop

BATCH = 32  # crops sent at once


class WorkerRow:
    """A row whose model lives in another process; see `rows.local.Row`."""

    def __init__(self, order: RowOrder) -> None:
        self._order = order
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (see close)
        self._process = subprocess.Popen(
            our_python("-m", "asmnet_edge.benchmarks.rows.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for the one who watches
        )
        self._send(order)

    def opened(self) -> WorkerRow:
        """Wait until the model is loaded; `ModelError` when it cannot be."""
        self.facts, self.source_sha256, self.crop, self.scheme = self._receive()
        return self

    def face(self, crop: Crop) -> None:
        self._ask("face", crop)

    def warm_up(self, seconds: float) -> WarmUp:
        warmed: WarmUp = self._ask("warm_up", seconds)
        return warmed

    def turn(self, queries: int, seconds: float) -> Turn:
        turn: Turn = self._ask("turn", queries, seconds)
        return turn

    def stages(self, picture: bytes, calls: int) -> Stages:
        stages: Stages = self._ask("stages", picture, calls)
        return stages

    def outputs(self, crops: Crop) -> Outputs:
        starts = range(0, len(crops), BATCH)
        parts = [self._ask("outputs", crops[start : start + BATCH]) for start in starts]
        landmarks, pose = (np.concatenate(each) for each in zip(*parts, strict=True))
        return landmarks, pose

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._log.close()

    def _ask(self, method: str, *arguments: Any) -> Any:
        self._send((method, arguments))
        return self._receive()

    def _send(self, message: Any) -> None:
        try:
            pickle.dump(message, self._process.stdin, 5)  # type: ignore[arg-type]
            self._process.stdin.flush()  # type: ignore[union-attr]
        except OSError as error:
            raise self._crashed() from error

    def _receive(self) -> Any:
        try:
            good, content = pickle.load(self._process.stdout)  # type: ignore[arg-type]
        except (EOFError, pickle.UnpicklingError) as error:
            raise self._crashed() from error
        if not good:
            raise ModelError(content)
        return content

    def _crashed(self) -> ModelError:
        code = self._process.wait()
        self._log.seek(0)
        last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
        return ModelError(f"{self._order.key}: its process ended with code {code}: {last}")


@contextmanager
def workers(orders: Sequence[RowOrder]) -> Iterator[list[WorkerRow]]:
    """A process for each of ``orders``, started side by side; all end with the block."""
    with ExitStack() as stack:
        rows = []
        for order in orders:
            rows.append(WorkerRow(order))
            stack.callback(rows[-1].close)
        yield rows


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Open the row that is asked for first, then answer calls of its methods until the end."""
    row: Any = None
    with suppress(EOFError):
        while True:
            question = pickle.load(questions)
            try:
                if row is None:
                    row, answer = _open(question)
                else:
                    method, arguments = question
                    answer = getattr(row, method)(*arguments)
                reply = (True, answer)
            except Exception as error:  # whatever it is, it is this row's failure
                reply = (False, str(error) or type(error).__name__)
            pickle.dump(reply, answers, 5)
            answers.flush()


def _open(order: RowOrder) -> tuple[Any, Any]:
    from asmnet_edge.benchmarks.rows.local import LocalRow
    from asmnet_edge.benchmarks.rows.opening import open_candidate

    row = LocalRow(open_candidate(order))
    return row, (dict(row.facts), row.source_sha256, row.crop, row.scheme)


def main() -> None:
    """Serve on standard output, and send everything that libraries print to standard error."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
