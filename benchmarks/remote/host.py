"""Another machine that is reached by ssh."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass

from asmnet_edge.errors import UsageError

LOST = 255  # ssh's exit code when it could not talk to the machine


@dataclass(frozen=True)
class Host:
    """Address ``user@host``, ssh's ``-o`` options, and the Python interpreter there."""

    name: str
    options: tuple[str, ...] = ()
    python: str = "python3"

    def run(self, script: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a shell ``script`` there with ``given`` on its standard input."""
        words = [word for option in self.options for word in ("-o", option)]
        fixed = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"]
        command = ["ssh", *fixed, *words, "--", self.name, f"sh -c {shlex.quote(script)}"]
        return subprocess.run(command, input=given, capture_output=True)

    def must(self, script: str, given: bytes = b"", cure: str = "") -> bytes:
        """Run ``script`` and return its output; `UsageError` with its message when it fails."""
        done = self.run(script, given)
        if done.returncode:
            raise UsageError(f"{self.name}: {last_words(done)}", cure)
        return done.stdout


def last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last line of the error output of ``done``."""
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no error output"]
    return lines[-1]
