"""Process of a `rows.worker.WorkerRow`: answers the questions of the benchmark that started it."""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from typing import IO, Any

from asmnet_edge.benchmarks.failure import failure
from asmnet_edge.benchmarks.rows.order import Case


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Open the case that comes first, then answer calls of its row's methods until the end."""
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
            except Exception as error:  # whatever it is, it is this case's failure
                reply = (False, failure(error))
            pickle.dump(reply, answers, 5)
            answers.flush()


def _open(case: Case) -> tuple[Any, Any]:
    from asmnet_edge.benchmarks.rows.local import LocalRow
    from asmnet_edge.benchmarks.rows.opening import identified, open_checked_model

    model = open_checked_model(case)
    row = LocalRow(model, identified(case, model))
    return row, (row.unmeasured, row.crop, row.scheme)


def main() -> None:
    """Serve on standard output, and send everything that libraries print to standard error."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
