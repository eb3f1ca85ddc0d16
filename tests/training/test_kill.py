"""A run that is killed loses no more than one save interval, and nothing in the end."""

import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_a_run_killed_twice_ends_as_one_left_in_peace(backend: str) -> None:
    # kill_training.py --kills 100 does the same at length
    if util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}, which is not installed: pip install {backend}")
    script = Path(__file__).with_name("kill_training.py")
    done = subprocess.run(
        [sys.executable, script, "--kills", "2"],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "2 kills" in done.stdout
