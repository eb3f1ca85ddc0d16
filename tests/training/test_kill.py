"""A run that is killed loses no more than one save interval, and nothing in the end."""

import subprocess
import sys
from pathlib import Path


def test_a_run_killed_twice_ends_as_one_left_in_peace() -> None:
    # kill_training.py --kills 100 does the same at length
    script = Path(__file__).with_name("kill_training.py")
    done = subprocess.run(
        [sys.executable, script, "--kills", "2"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "2 kills" in done.stdout
