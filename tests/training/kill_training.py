"""Kills a small training run with SIGKILL again and again, and compares it with one left in peace.

    python tests/training/kill_training.py --kills 100

Of three lives of the run two are ended at a random moment of their training, after at least one
save, and one at a random moment after its start, be it still resuming. After each kill no more than
one save interval may be lost; at the end weights, optimizer, averages, learning rate, order of the
data and best figure must be those of the run left in peace. Exit code 1 if not.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Timer

import numpy as np
import small_network

from asmnet_edge.datasets.pack import make_pack
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.training.config import DataShare, Stage, TrainConfig
from asmnet_edge.training.loop import Run
from asmnet_edge.training.network import Variant
from asmnet_edge.training.run_state import State, load_state

INTERVAL = 5
STEPS_A_KILL = 8  # of the run, so that it does not end before the last kill
BEYOND = STEPS_A_KILL - INTERVAL  # steps after the first save at which a life ends, on average
TOLERANCE = 1e-6


def the_run(folder: Path, kills: int) -> Run:
    small_network.use()
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


def live(folder: Path, kills: int) -> None:
    """One life: train on from what the one before saved, saying each step."""
    run = the_run(folder, kills)
    for progress in run.train(resume=True):
        print(progress.step, flush=True)


def lose_lives(folder: Path, kills: int) -> int:
    """Kill the run ``kills`` times, then let it end; the most steps that a kill lost."""
    rng = np.random.default_rng(kills)
    most_lost, life = 0, 1.0
    for number in range(kills + 1):
        words = [sys.executable, __file__, "--live", folder, "--kills", str(kills)]
        before = saved_step(folder)
        start = time.monotonic()
        child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        if number % 3 == 2 and number < kills:  # at any moment of a life, its start included
            Timer(rng.uniform(0, life), child.kill).start()
        by_steps = number % 3 != 2 and number < kills
        done = watch(child, INTERVAL + rng.exponential(BEYOND) if by_steps else None, before)
        life = max(life, time.monotonic() - start)
        lost = done - saved_step(folder)
        most_lost = max(most_lost, lost)
        print(f"life {number + 1}: steps {before} to {done}, {lost} lost", file=sys.stderr)
    return most_lost


def watch(child: subprocess.Popen, steps: float | None, done: int) -> int:
    """Kill ``child`` so many ``steps`` on, the fraction as time; the last step that it reported."""
    assert child.stdout
    first = done
    for line in child.stdout:
        done = int(line)
        if steps is not None and done - first >= steps:
            try:
                child.wait(timeout=0.05 * (steps % 1))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
            done = max([done, *map(int, child.stdout.read().split())])
            break
    child.wait()
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
    parser.add_argument("--live", type=Path)
    given = parser.parse_args()
    if given.live:
        live(given.live, given.kills)
        return
    with tempfile.TemporaryDirectory() as folder:
        killed, peaceful = Path(folder) / "killed", Path(folder) / "peaceful"
        lost = lose_lives(killed, given.kills)
        live_in_peace = [sys.executable, __file__, "--live", peaceful, "--kills", str(given.kills)]
        subprocess.run(live_in_peace, stdout=subprocess.DEVNULL, check=True)
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
