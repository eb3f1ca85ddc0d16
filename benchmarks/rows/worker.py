"""A row in a process of its own.

So each has its threads, its cores and its memory for itself, one that crashes takes no other along,
and the program that watches stays small. The two talk in pickles over the process's standard input
and output; both ends are ours.
"""

from __future__ import annotations

import pickle
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Timer
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.latency.turn import LEAD_CALLS, Turn, WarmUp
from asmnet_edge.benchmarks.rows.order import RowOrder
from asmnet_edge.benchmarks.rows.stages import Stages
from asmnet_edge.errors import ModelError
from asmnet_edge.processes import our_python
from asmnet_edge.runtime.backends.backend import Crop

BATCH = 32  # crops sent at once
# seconds: until the model is there; until a question is answered, besides `TIMES` what it should
# take; for a first call; for a stage's decoding and detecting
OPENING, PATIENCE, TIMES, FIRST_CALL, DETECTING = 600.0, 120.0, 10, 10.0, 0.5


class WorkerRow:
    """A row whose model lives in another process; see `rows.local.Row`.

    One that hangs is ended after a while: `ModelError`.
    """

    def __init__(self, order: RowOrder) -> None:
        self._order, self._late = order, False
        self._a_call = FIRST_CALL  # seconds, until it is known
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (see close)
        self._process = subprocess.Popen(
            our_python("-m", "asmnet_edge.benchmarks.rows.workerchild"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for the one who watches
        )
        self._send(order)

    def opened(self) -> WorkerRow:
        """Wait until the model is loaded; `ModelError` when it cannot be."""
        with self._ended_after(OPENING):
            self.facts, self.source_sha256, self.crop, self.scheme = self._receive()
        return self

    def face(self, crop: Crop) -> None:
        self._ask(0, "face", crop)

    def warm_up(self, seconds: float) -> WarmUp:
        warmed: WarmUp = self._ask(seconds + self._a_call, "warm_up", seconds)
        self._a_call = warmed.seconds / warmed.calls
        return warmed

    def turn(self, queries: int, seconds: float) -> Turn:
        expected = seconds + (queries + LEAD_CALLS) * self._a_call
        turn: Turn = self._ask(expected, "turn", queries, seconds)
        return turn

    def stages(self, picture: bytes, calls: int) -> Stages:
        expected = (calls + 1) * (self._a_call + DETECTING)
        stages: Stages = self._ask(expected, "stages", picture, calls)
        return stages

    def outputs(self, crops: Crop) -> Outputs:
        starts, expected = range(0, len(crops), BATCH), BATCH * self._a_call
        parts = [self._ask(expected, "outputs", crops[start : start + BATCH]) for start in starts]
        landmarks, pose = (np.concatenate(each) for each in zip(*parts, strict=True))
        return landmarks, pose

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._log.close()

    def _ask(self, expected: float, method: str, *arguments: Any) -> Any:
        """The answer; ``expected`` : seconds that it should take."""
        with self._ended_after(PATIENCE + TIMES * expected):
            self._send((method, arguments))
            return self._receive()

    @contextmanager
    def _ended_after(self, seconds: float) -> Iterator[None]:
        """Kill the process when the block takes longer: what waits for it then sees it crash."""

        def end() -> None:
            self._late = True
            self._process.kill()

        timer = Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if self._late:
                told = f"{self._order.key} did not answer within {seconds:.0f} s and was ended"
                raise ModelError(told) from error
            raise
        finally:
            timer.cancel()

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
