"""A benchmark on another machine, over ssh."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from asmnet_edge.benchmarks.cases import BenchmarkOptions, subset_of
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_json import upgraded
from asmnet_edge.benchmarks.remote_package import (
    NAMES,
    WHEEL,
    RemoteFaces,
    bundle,
    named_as_here,
    places,
)
from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.errors import CheckFailedError, UsageError

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


# The run there: copy, start, watch, fetch, clean up

GONE, NONE = 44, 45  # our scripts' exit codes: the folder, or a file in it, is not there
KILLED = 137  # exit code of a run that could not write one
PATIENCE = 300.0  # seconds without an answer before the machine is given up
PAUSE = 1.0  # seconds between two polls
BOOT = "/proc/sys/kernel/random/boot_id"  # another after a restart, when numbers are given anew
ALIVE = f'kill -0 $(cat pid) 2>/dev/null && test "$(cat boot)" = "$(cat {BOOT})"'
NEEDED = ("numpy", "cv2", "click", "rich")
VALUES = ("threads", "cpus", "runtimes", "queries", "seconds", "sustain")  # options to pass on
FLAGS = ("rigorous", "pictures")


@dataclass
class RemoteRun:
    """One benchmark on another machine, in a new folder that `clean` removes.

    The run does not depend on the connection: it has a session of its own (``setsid``) and writes
    to files, which are polled, and polled again after the connection was lost. As its folder stays
    until `clean`, another process can resume watching: see `at`.

    report : takes the lines that the run prints
    """

    host: Host
    report: Callable[[str], None]
    folder: str = ""
    patience: float = PATIENCE
    _read: int = 0

    @classmethod
    def at(cls, place: str, options: tuple[str, ...], report: Callable[[str], None]) -> RemoteRun:
        """Return the run that was started before at ``place``, ``user@host:folder``."""
        match = re.fullmatch(r"(.+?):(/.*/asmnet-edge-[0-9a-f]{12})", place)
        if match is None:  # what is no folder of ours must not be removed
            raise UsageError(
                f"{place!r} is not a place such as user@host:/tmp/asmnet-edge-0123456789ab",
                "benchmark run --ssh prints it when it starts",
            )
        return cls(Host(match[1], options), report, match[2])

    @property
    def place(self) -> str:
        return f"{self.host.name}:{self.folder}"

    @property
    def again(self) -> str:
        """The command that resumes watching the run."""
        options = [word for option in self.host.options for word in ("--ssh-option", option)]
        return shlex.join(["asmnet-edge", "benchmark", "fetch", self.place, *options])

    def prepare(
        self, models: Sequence[Path], others: Iterable[tuple[str, bytes]] = ()
    ) -> list[str]:
        """Copy program, ``models`` and ``others``, files by name; return the models' paths."""
        self._check_python()
        home = self.host.must('printf %s "${TMPDIR:-/tmp}"').decode()
        self.folder = f"{home}/asmnet-edge-{uuid4().hex[:12]}"
        self.report(f"copying to {self.place}")
        place = shlex.quote(self.folder)
        unpack = f"{self.host.python} -m zipfile -e {WHEEL} site"
        script = f"mkdir -m 700 {place} && cd {place} && tar -xz && {unpack}"
        self.host.must(script, bundle(models, others))
        return [f"{self.folder}/{path}" for path in places(models)]

    def start(self, words: Sequence[str]) -> None:
        """Start ``asmnet-edge benchmark run`` with ``words`` there; it outlives the connection."""
        command = shlex.join(
            [*shlex.split(self.host.python), "-m", "asmnet_edge", "benchmark", "run", *words]
        )
        job = f"{command} --output record.json --overwrite >table 2>log"
        after = "echo $! >run; wait $!; echo $? >code.new; mv code.new code"
        shell = f"cat {BOOT} >boot; echo $$ >pid; {job} & {after}"
        script = (
            f"cd {shlex.quote(self.folder)} && export PYTHONPATH=$PWD/site && "
            f"(setsid nohup sh -c {shlex.quote(shell)} </dev/null >/dev/null 2>&1 &)"
        )
        self.host.must(script)
        self.report(f"started; to resume watching it: {self.again}")

    def wait(self) -> int:
        """Report the lines of the run until it ends, across cut connections; return its exit code.

        `CheckFailedError` when the machine stays away, or the folder is gone.
        """
        while (code := self._news()) is None:
            time.sleep(PAUSE)
        return code

    def _news(self) -> int | None:
        """Report new lines; return the exit code if the run has ended."""
        done = self._asked(
            f"{{ cat code 2>/dev/null || {{ {ALIVE} && echo running || echo dead; }}; }}; "
            f"tail -c +{self._read + 1} log 2>/dev/null || true"
        )
        state, _, news = done.stdout.partition(b"\n")
        whole = news[: news.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self.report(line)
        if state == b"dead" and self._ended_twice():
            self.report("the run was killed there")
            return KILLED
        return int(state) if state.strip().isdigit() else None

    def _asked(self, script: str) -> subprocess.CompletedProcess[bytes]:
        """Run ``script`` in the folder, again while the connection is lost, as long as `patience`.

        Its exit code is 0 or `NONE`; `CheckFailedError` when there is no answer or no folder.
        """
        since = time.monotonic()
        while True:
            done = self.host.run(f"cd {shlex.quote(self.folder)} || exit {GONE}; {script}")
            if done.returncode in (0, NONE):
                return done
            if done.returncode == GONE:
                raise CheckFailedError(
                    f"{self.place} is gone", "Was the machine started anew? Run it once more"
                )
            if time.monotonic() - since > self.patience:
                raise CheckFailedError(
                    f"{self.host.name} has not answered for {self.patience:.0f} s",
                    f"It goes on there: {self.again}",
                )
            lost = "connection lost" if done.returncode == LOST else last_words(done)
            self.report(f"{lost}: trying again")
            time.sleep(PAUSE)

    def _ended_twice(self) -> bool:
        """Check once more: the exit code is written a moment after the process ends."""
        time.sleep(PAUSE)
        done = self._asked(f"test -e code || test ! -e pid || exit {NONE}")
        return done.returncode == NONE

    def fetch(self) -> dict[str, Any]:
        """Return the record's JSON, its faces named as here; `UsageError` if none was written."""
        done = self._asked(f"test -e record.json || exit {NONE}; cat record.json")
        if done.returncode == NONE:
            raise UsageError(
                f"{self.host.name}: no record was written", "The reason is in the lines above"
            )
        names = self._asked(f"test -e {NAMES} || exit {NONE}; cat {NAMES}")
        content: dict[str, Any] = json.loads(done.stdout)
        return named_as_here(content, json.loads(names.stdout)) if names.stdout else content

    def stop(self) -> None:
        """Ask the run to end and keep its results so far; `wait` until it has."""
        self._asked("kill -TERM $(cat run) 2>/dev/null || true")

    def clean(self) -> None:
        """End all processes of the run there and remove the folder."""
        if not self.folder:
            return
        place = shlex.quote(self.folder)
        end = f"test -e code || {{ {ALIVE} && kill -s KILL -- -$(cat pid) 2>/dev/null; }}"
        if self.host.run(f"cd {place} && {{ {end}; }}; cd /; rm -rf {place}").returncode:
            self.report(f"could not be removed: {self.place}")

    def _check_python(self) -> None:
        test = f"import sys, {', '.join(NEEDED)}; assert sys.version_info >= (3, 11)"
        script = f"{self.host.python} -c '{test}'"
        cure = (
            "It needs Python 3.11 with the packages that asmnet-edge needs: pip install there, and "
            "name it with --remote-python"
        )
        self.host.must(script, cure=cure)


def start_remotely(
    options: BenchmarkOptions, host: Host, report: Callable[[str], None]
) -> RemoteRun:
    """Copy program, models and faces to ``host`` and start the run there; see `finish_remotely`.

    If that fails, nothing is left there.
    """
    faces = None
    if options.data:
        dataset = open_dataset(options.data)
        faces = RemoteFaces(dataset, subset_of(dataset, options.subset))
    run = RemoteRun(host, report)
    try:
        paths = run.prepare(models_of(options), faces.files() if faces else ())
        words = command_words(options, paths)
        run.start([*words, *(faces.words(run.folder) if faces else [])])
    except BaseException:
        run.clean()
        raise
    return run


def finish_remotely(
    run: RemoteRun, keep: Callable[[BenchmarkRecord], None] = lambda record: None
) -> BenchmarkRecord:
    """Wait for ``run``, ``keep`` its record, and only then remove it there.

    Ctrl-C ends the run there and keeps what it measured; once more gives that up too. Whatever
    else goes wrong leaves the run as it is, for ``benchmark fetch``.
    """
    _wait_or_stop(run)
    try:
        record = BenchmarkRecord(upgraded(run.fetch()))
    except UsageError:  # no record, and none will come
        run.clean()
        raise
    keep(record)
    run.clean()
    return record


def _wait_or_stop(run: RemoteRun) -> None:
    try:
        run.wait()
    except KeyboardInterrupt:
        run.report("ending the run there")
        try:
            run.stop()
            run.wait()
        except KeyboardInterrupt:
            run.clean()
            raise


def models_of(options: BenchmarkOptions) -> list[Path]:
    """Return the model files that ``options`` name."""
    reference = [options.float_model] if options.float_model else []
    return [*options.artifacts, *options.beside, *reference]


def command_words(options: BenchmarkOptions, paths: Sequence[str]) -> list[str]:
    """Return the words of ``benchmark run`` for ``options``; paths : of `models_of`, there."""
    artifacts, beside = len(options.artifacts), len(options.beside)
    words = list(paths[:artifacts])
    for path in paths[artifacts : artifacts + beside]:
        words += ["--beside", path]
    for path in paths[artifacts + beside :]:
        words += ["--float-model", path]
    for name in VALUES:
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", str(value)]
    words += [f"--{name}" for name in FLAGS if getattr(options, name)]
    words += [] if options.cold else ["--no-cold"]
    return [*words, *([] if options.with_float else ["--no-float"])]
