"""A run that is killed loses no more than one save interval, and nothing in the end."""

import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest


# at length: make soak
@pytest.mark.parametrize(("backend", "kills"), [("tensorflow", "2"), ("torch", "1")])
def test_a_killed_run_ends_as_one_left_in_peace(backend: str, kills: str) -> None:
    if util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}, which is not installed: pip install {backend}")
    script = Path(__file__).with_name("kill_training.py")
    done = subprocess.run(
        [sys.executable, script, "--kills", kills],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert f"{kills} kills" in done.stdout
