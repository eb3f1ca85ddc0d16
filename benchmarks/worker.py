"""Cases in separate processes, and cold starts.

Each case has its threads, its cores and its memory for itself, one that crashes takes no other
along, and the program that watches stays small. The two exchange pickles over the process's
standard input and output; both ends are ours.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Timer
from typing import Any, Protocol

import numpy as np

from asmnet_edge.benchmarks.cases import Case
from asmnet_edge.benchmarks.evaluation_faces import Outputs
from asmnet_edge.benchmarks.record_types import CaseResult, ColdStart, WarmUp
from asmnet_edge.benchmarks.timing import LEAD_CALLS, Stages, Turn
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.system import our_python
from asmnet_edge.runtime.backends.backend import Crop

BATCH = 32  # crops sent at once
# seconds: until the model is loaded; until a question is answered, besides `TIMES` the expected
# time; for a first call; for decoding a picture and detecting in it
OPENING, PATIENCE, TIMES, FIRST_CALL, DETECTING = 600.0, 120.0, 10, 10.0, 0.5
PASS_CALLS = 4  # inferences of one pass through the stages at most: 2 or 3 of the still, 1 tracked


class CaseRunner(Protocol):
    """A case that is measured, in this process (`LocalRunner`) or in another (`WorkerRunner`).

    unmeasured : its row of the record without results; crop : rule that its crops are cut by
    """

    @property
    def unmeasured(self) -> CaseResult: ...
    @property
    def crop(self) -> CropRule: ...
    @property
    def scheme(self) -> LandmarkScheme: ...

    def face(self, crop: Crop) -> None:
        """Use ``crop`` (1, s, s, 3) for the calls that are timed from now on."""

    def warm_up(self, seconds: float) -> WarmUp:
        """Call until latency is steady, for ``seconds`` at most."""

    def turn(self, queries: int, seconds: float) -> Turn:
        """Time at least ``queries`` calls and ``seconds`` of calling."""

    def stages(self, picture: bytes, calls: int) -> Stages:
        """Milliseconds of each stage of ``calls`` passes of an encoded picture."""

    def outputs(self, crops: Crop) -> Outputs:
        """Landmarks (faces, n, 2) and pose (faces, 3) of ``crops`` (faces, s, s, 3)."""


class WorkerRunner:
    """A case whose model lives in another process.

    A process that hangs is killed after a while: `ModelError`.
    """

    def __init__(self, case: Case) -> None:
        self._case, self._late = case, False
        self._call_seconds = FIRST_CALL  # seconds, until it is known
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (see close)
        self._process = subprocess.Popen(
            our_python("-m", "asmnet_edge.benchmarks.worker_process"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for the parent alone
        )
        self._send(case)

    def opened(self) -> WorkerRunner:
        """Wait until the model is loaded; `ModelError` when it cannot be."""
        with self._killed_after(OPENING):
            self.unmeasured, self.crop, self.scheme = self._receive()
        return self

    def face(self, crop: Crop) -> None:
        self._ask(0, "face", crop)

    def warm_up(self, seconds: float) -> WarmUp:
        warmed: WarmUp = self._ask(seconds + self._call_seconds, "warm_up", seconds)
        self._call_seconds = warmed.seconds / warmed.calls
        return warmed

    def turn(self, queries: int, seconds: float) -> Turn:
        expected = seconds + (queries + LEAD_CALLS) * self._call_seconds
        turn: Turn = self._ask(expected, "turn", queries, seconds)
        return turn

    def stages(self, picture: bytes, calls: int) -> Stages:
        expected = (calls + 1) * (PASS_CALLS * self._call_seconds + DETECTING)
        stages: Stages = self._ask(expected, "stages", picture, calls)
        return stages

    def outputs(self, crops: Crop) -> Outputs:
        starts, expected = range(0, len(crops), BATCH), BATCH * self._call_seconds
        parts = [self._ask(expected, "outputs", crops[start : start + BATCH]) for start in starts]
        landmarks, pose = (np.concatenate(each) for each in zip(*parts, strict=True))
        return landmarks, pose

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._log.close()

    def _ask(self, expected: float, method: str, *arguments: Any) -> Any:
        """Call ``method`` there; expected : seconds that it should take."""
        with self._killed_after(PATIENCE + TIMES * expected):
            self._send((method, arguments))
            return self._receive()

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        """Kill the process when the block takes longer, which then sees it crash."""

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
                late = f"{self._case.key} did not answer within {seconds:.0f} s and was ended"
                raise ModelError(late) from error
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
        last = (self._log.read().strip().splitlines() or ["no error output"])[-1]
        return ModelError(f"{self._case.key}: its process ended with code {code}: {last}")


@contextmanager
def workers(cases: Sequence[Case]) -> Iterator[list[WorkerRunner]]:
    """Start a process for each of ``cases``, side by side; all end with the block."""
    with ExitStack() as stack:
        runners = []
        for case in cases:
            runners.append(WorkerRunner(case))
            stack.callback(runners[-1].close)
        yield runners


# Cold start and memory: a fresh process from its start to the first landmark

START_TIMEOUT = 600.0  # seconds until a process that gives no landmark is ended
PARTS = ("python_ms", "import_ms", "load_ms", "first_ms", "total_ms")


def cold_start(case: Case, times: int) -> ColdStart:
    """Start ``case`` in fresh processes: median ms of each part, peak memory, packages used.

    After the first start the files are in the system's cache, as on a device that runs it daily.
    """
    runs = [_start(case, last=number == times - 1) for number in range(times)]
    return ColdStart(
        **{part: float(np.median([run[part] for run in runs])) for part in PARTS},
        peak_rss_mib=_median([run["peak_rss_mib"] for run in runs]),
        samples=tuple({part: round(run[part], 3) for part in PARTS} for run in runs),
        installed_bytes=runs[-1]["installed_bytes"],
        packages=runs[-1]["packages"],
    )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def cold_starts_of(case: Case, times: int) -> int:
    """Number of cold starts of ``case``; TensorFlow takes so long to start that one must do."""
    return min(times, 1) if case.is_float_model else times


def _start(case: Case, last: bool) -> dict[str, Any]:
    question = {
        "path": str(case.path),
        "threads": case.threads,
        "runtime": case.runtime,
        "cpus": case.cpus,
        "sizes": last,
        "started": time.monotonic(),
    }
    command = our_python("-m", "asmnet_edge.benchmarks.cold_start_process", json.dumps(question))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{case.key} did not start within {START_TIMEOUT:.0f} s") from error
    if done.returncode:
        last_line = (done.stderr.strip().splitlines() or ["no error output"])[-1]
        raise ModelError(f"{case.key} did not start: {last_line}")
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content
