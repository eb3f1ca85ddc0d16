"""Training from the command line: Ctrl-C saves, and the folder alone is enough to go on."""

import os
import signal
import subprocess
import sys
import zipfile
from importlib import util
from pathlib import Path

import pytest

from asmnet_edge.training.float_model import FloatModel, load_float_model
from asmnet_edge.training.run_state import load_state

TRAIN = (sys.executable, "-m", "asmnet_edge", "train")
SMALL = ("--data", "synthetic:40", "--batch", "4", "--input-size", "32", "--alpha", "0.35")


def test_ctrl_c_saves_the_step_it_stopped_at_and_resume_goes_on(tmp_path: Path) -> None:
    settings = (*SMALL, "--epochs", "1000", "--workers", "1", "--output", str(tmp_path))
    stopped = subprocess.Popen([*TRAIN, *settings], stderr=subprocess.PIPE, text=True)
    wait_for(tmp_path / "log.csv", stopped)
    stopped.send_signal(signal.SIGINT)
    _, printed = stopped.communicate(timeout=120)
    assert stopped.returncode == 130
    state, _ = load_state(tmp_path)
    assert state is not None
    assert f"saved after step {state.step}" in printed
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


def test_any_keras_opens_what_pytorch_trained(tmp_path: Path) -> None:
    if util.find_spec("torch") is None:
        pytest.skip("needs torch, which is not installed: pip install torch")
    settings = (*SMALL, "--epochs", "0.2", "--workers", "1", "--output", str(tmp_path))
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([*TRAIN, *settings], env=environment, check=True, stderr=subprocess.DEVNULL)
    with zipfile.ZipFile(tmp_path / "last.keras") as archive:
        assert b'"module": "asmnet_edge' not in archive.read("config.json")
    assert isinstance(load_float_model(tmp_path / "last.keras"), FloatModel)


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]


def last_step(folder: Path) -> int:
    return int((folder / "log.csv").read_text().splitlines()[-1].split(",")[0])
