"""Kills a small training run with SIGKILL again and again, and compares it with one left in peace.

    python tests/training/kill_training.py --kills 100

Of three lives of the run two are ended at a random moment of their training, after at least one
save, and one at a random moment after its start, be it still resuming. After each kill no more than
one save interval may be lost; at the end weights, optimizer, averages, learning rate, order of the
data and best figure must be those of the run left in peace. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

import numpy as np
import small_network

from asmnet_edge.datasets.pack import make_pack
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.training.run_state import State, load_state

if TYPE_CHECKING:  # these bring Keras, which processes that prepare batches do without
    from asmnet_edge.training.loop import Run

INTERVAL = 5
STEPS_A_KILL = 8  # of the run, so that it does not end before the last kill
BEYOND = STEPS_A_KILL - INTERVAL  # steps after the first save at which a life ends, on average
TOLERANCE = 1e-6
FORK = get_context("fork")


def the_run(folder: Path, kills: int) -> Run:
    from asmnet_edge.training.config import DataShare, Stage, TrainConfig
    from asmnet_edge.training.loop import Run
    from asmnet_edge.training.network import Variant

    pack = make_pack(DrawnFaces(20, size=96).samples("train"))
    train, held_out = pack.select(np.arange(16)), pack.select(np.arange(16, 20))
    config = TrainConfig(
        data=(DataShare("drawn"),),
        variant=Variant(alpha=0.35, input_size=64),
        stages=(Stage(32, 0.6), Stage(64, 0.4)),
        batch=4,
        epochs=max(6, kills * STEPS_A_KILL / 4),  # of four steps
        warmup_epochs=1,
        ema_every=2,
        validate_every_epochs=2,
        checkpoint_every_steps=INTERVAL,
    )
    return Run(config, [(train, held_out)], folder, workers=1)


def live(folder: Path, kills: int, steps: Connection) -> None:
    """Train on from what the life before saved, and send each step."""
    for progress in the_run(folder, kills).train(resume=True):
        steps.send(progress.step)


def begin(folder: Path, kills: int) -> tuple[BaseProcess, Connection]:
    """Start a life in a fork of this process, where the libraries are imported; return its steps.

    The libraries compute nothing in this process: their threads would not survive a fork.
    """
    steps, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=live, args=(folder, kills, sender))
    child.start()
    sender.close()
    return child, steps


def lose_lives(folder: Path, kills: int) -> int:
    """Kill the run ``kills`` times, then let it end; return the most steps that a kill lost."""
    rng = np.random.default_rng(kills)
    most_lost, life = 0, 1.0
    for number in range(kills + 1):
        before = saved_step(folder)
        start = time.monotonic()
        child, steps = begin(folder, kills)
        if number % 3 == 2 and number < kills:  # at any moment of a life, its start included
            Timer(rng.uniform(0, life), child.kill).start()
        by_steps = number % 3 != 2 and number < kills
        limit = INTERVAL + rng.exponential(BEYOND) if by_steps else None
        done = watch(child, steps, limit, before)
        life = max(life, time.monotonic() - start)
        lost = done - saved_step(folder)
        most_lost = max(most_lost, lost)
        print(f"life {number + 1}: steps {before} to {done}, {lost} lost", file=sys.stderr)
    return most_lost


def watch(child: BaseProcess, steps: Connection, limit: float | None, first: int) -> int:
    """Kill ``child`` after ``limit`` steps, the fraction as time; return its last step."""
    done = first
    with suppress(EOFError):
        while True:
            done = steps.recv()
            if limit is not None and done - first >= limit:
                child.join(timeout=0.05 * (limit % 1))
                child.kill()
                limit = None
    child.join()
    if child.exitcode not in (0, -signal.SIGKILL):
        sys.exit(f"a life ended with {child.exitcode}")
    return done


def saved_step(folder: Path) -> int:
    state, _ = load_state(folder)
    return state.step if state else 0


def difference(one: State, other: State) -> float:
    assert one.step == other.step, (one.step, other.step)
    pairs = [
        (mine, theirs)
        for name in one.arrays
        for mine, theirs in zip(one.arrays[name], other.arrays[name], strict=True)
    ]
    best = abs(one.facts["best"] - other.facts["best"])
    return max(best, *(float(np.abs(mine - theirs).max(initial=0)) for mine, theirs in pairs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    given = parser.parse_args()
    small_network.use()
    with tempfile.TemporaryDirectory() as folder:
        killed, peaceful = Path(folder) / "killed", Path(folder) / "peaceful"
        lost = lose_lives(killed, given.kills)
        watch(*begin(peaceful, given.kills), None, 0)
        states = [load_state(path)[0] for path in (killed, peaceful)]
        far = difference(*states)
        logs = [(path / "log.csv").read_text() for path in (killed, peaceful)]
    equal = "equal" if logs[0] == logs[1] else "differ"
    print(f"{given.kills} kills: at most {lost} steps lost of {INTERVAL} between saves,")
    print(f"largest difference {far:.1e}, logs {equal}")
    if lost > INTERVAL or far > TOLERANCE or logs[0] != logs[1]:
        sys.exit(1)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
