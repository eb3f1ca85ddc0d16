"""A benchmark on another machine: copy, start, watch, fetch, clean up.

The run there does not hang on the connection: it is started in a session of its own and writes to
files; the one who watches asks for news, and asks again when the line was cut.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from asmnet_edge.benchmarks.remote.package import WHEEL, bundle
from asmnet_edge.errors import CheckFailedError, UsageError

LOST = 255  # ssh's exit code when it could not talk to the machine
PATIENCE = 300.0  # seconds without an answer before the machine is given up
PAUSE = 1.0  # seconds between two questions
NEEDED = ("numpy", "cv2", "click", "rich")


@dataclass(frozen=True)
class Host:
    """Where to: ``user@host``, ssh's ``-o`` options, and the Python there."""

    name: str
    options: tuple[str, ...] = ()
    python: str = "python3"

    def run(self, script: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a shell ``script`` there."""
        words = [word for option in self.options for word in ("-o", option)]
        fixed = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"]
        command = ["ssh", *fixed, *words, "--", self.name, f"sh -c {shlex.quote(script)}"]
        return subprocess.run(command, input=given, capture_output=True)

    def must(self, script: str, given: bytes = b"", cure: str = "") -> bytes:
        """Run ``script``; `UsageError` with what it said when it fails."""
        done = self.run(script, given)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise UsageError(f"{self.name}: {said[-1]}", cure)
        return done.stdout


@dataclass
class RemoteRun:
    """One benchmark there, in a folder of its own that `clean` removes.

    say : takes the lines that the run prints
    """

    host: Host
    say: Callable[[str], None]
    folder: str = ""
    patience: float = PATIENCE
    _read: int = 0

    def prepare(
        self, models: Sequence[Path], others: Iterable[tuple[str, bytes]] = ()
    ) -> list[str]:
        """Copy program, ``models`` and ``others``, files by name; the models' paths there."""
        self._check_python()
        home = self.host.must('printf %s "${TMPDIR:-/tmp}"').decode()
        self.folder = f"{home}/asmnet-edge-{uuid4().hex[:12]}"
        self.say(f"copying to {self.host.name}:{self.folder}")
        place = shlex.quote(self.folder)
        unpack = f"{self.host.python} -m zipfile -e {WHEEL} site"
        script = f"mkdir -m 700 {place} && cd {place} && tar -xz && {unpack}"
        self.host.must(script, bundle(models, others))
        return [f"{self.folder}/{number}/{path.name}" for number, path in enumerate(models)]

    def start(self, words: Sequence[str]) -> None:
        """Start ``asmnet-edge benchmark run`` with ``words`` there; it outlives the connection."""
        command = shlex.join(
            [*shlex.split(self.host.python), "-m", "asmnet_edge", "benchmark", "run", *words]
        )
        job = f"{command} --output record.json --overwrite >table 2>log"
        shell = f"echo $$ >pid; {job} & echo $! >run; wait $!; echo $? >code.new; mv code.new code"
        script = (
            f"cd {shlex.quote(self.folder)} && export PYTHONPATH=$PWD/site && "
            f"(setsid nohup sh -c {shlex.quote(shell)} </dev/null >/dev/null 2>&1 &)"
        )
        self.host.must(script)

    def wait(self) -> int:
        """Pass on what is printed until the run ends; its exit code. Survives cut connections."""
        heard = time.monotonic()
        while True:
            code, answered = self._news()
            if code is not None:
                return code
            if answered:
                heard = time.monotonic()
            elif time.monotonic() - heard > self.patience:
                raise CheckFailedError(
                    f"{self.host.name} has not answered for {self.patience:.0f} s",
                    f"It goes on there: fetch {self.folder}/record.json, then remove the folder",
                )
            time.sleep(PAUSE)

    def _news(self) -> tuple[int | None, bool]:
        """The exit code if the run has ended, and whether the machine answered."""
        script = (
            f"cd {shlex.quote(self.folder)} && {{ cat code 2>/dev/null || "
            "{ kill -0 $(cat pid) 2>/dev/null && echo running || echo dead; }; } && "
            f"tail -c +{self._read + 1} log"
        )
        done = self.host.run(script)
        if done.returncode == LOST:
            self.say("connection lost: trying again")
            return None, False
        state, _, news = done.stdout.partition(b"\n")
        whole = news[: news.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self.say(line)
        if state == b"dead" and self._ended_twice():
            raise CheckFailedError(f"{self.host.name}: the run was killed there")
        return (int(state) if state.strip().isdigit() else None), True

    def _ended_twice(self) -> bool:
        """Between the process's end and its exit code there is a moment: look once more."""
        time.sleep(PAUSE)
        there = self.host.run(f"test -e {shlex.quote(self.folder)}/code || test ! -e "
                              f"{shlex.quote(self.folder)}/pid")  # fmt: skip
        return there.returncode == 1

    def fetch(self) -> dict[str, Any]:
        """The record that the run wrote."""
        read = f"cat {shlex.quote(self.folder)}/record.json"
        content: dict[str, Any] = json.loads(self.host.must(read, cure="The lines above say why"))
        return content

    def stop(self) -> None:
        """Ask the run to end and keep what it measured; `wait` for that."""
        self.host.run(f"kill -TERM $(cat {shlex.quote(self.folder)}/run)")

    def clean(self) -> None:
        """End what still runs there and remove the folder."""
        if not self.folder:
            return
        place = shlex.quote(self.folder)
        end = f"kill -s KILL -- -$(cat {place}/pid) 2>/dev/null"
        self.host.run(f"test -e {place}/code || {end}; rm -rf {place}")

    def _check_python(self) -> None:
        test = f"import sys, {', '.join(NEEDED)}; assert sys.version_info >= (3, 11)"
        script = f"{self.host.python} -c '{test}'"
        cure = (
            "It needs Python 3.11 with the packages that asmnet-edge needs: pip install there, and "
            "name it with --remote-python"
        )
        self.host.must(script, cure=cure)
