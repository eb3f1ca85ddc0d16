"""Training from the command line: Ctrl-C saves, and the folder alone is enough to go on."""

import signal
import subprocess
import sys
from pathlib import Path

from asmnet_edge.training.checkpoint import load_state

TRAIN = (sys.executable, "-m", "asmnet_edge", "train")
SMALL = ("--data", "synthetic:40", "--batch", "4", "--input-size", "32", "--alpha", "0.35")


def test_ctrl_c_saves_the_step_it_stopped_at_and_resume_goes_on(tmp_path: Path) -> None:
    settings = (*SMALL, "--epochs", "1000", "--workers", "1", "--output", str(tmp_path))
    stopped = subprocess.Popen([*TRAIN, *settings], stderr=subprocess.PIPE, text=True)
    wait_for(tmp_path / "log.csv", stopped)
    stopped.send_signal(signal.SIGINT)
    _, told = stopped.communicate(timeout=120)
    assert stopped.returncode == 130
    state, _ = load_state(tmp_path)
    assert state is not None
    assert f"saved after step {state.step}" in told
    assert last_step(tmp_path) == state.step

    going_on = (*TRAIN, "--resume", "--workers", "1", "--output", str(tmp_path))
    resumed = subprocess.Popen(going_on, stderr=subprocess.DEVNULL)
    while last_step(tmp_path) == state.step:
        assert resumed.poll() is None
    resumed.send_signal(signal.SIGINT)
    assert resumed.wait(timeout=120) == 130
    later, _ = load_state(tmp_path)
    assert later is not None
    assert later.step == last_step(tmp_path) > state.step


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]


def last_step(folder: Path) -> int:
    return int((folder / "log.csv").read_text().splitlines()[-1].split(",")[0])
