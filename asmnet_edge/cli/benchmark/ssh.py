"""``asmnet-edge benchmark run --ssh``: the same command on another machine."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asmnet_edge.cli.benchmark.run import save, tell
from asmnet_edge.cli.benchmark.watching import terminable
from asmnet_edge.cli.terminal import notes
from asmnet_edge.errors import UsageError

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.remote.ssh import RemoteRun

PASSED_ON = ("threads", "cpus", "runtimes", "queries", "seconds", "sustain")
FLAGS = ("rigorous", "pictures")


def run_there(given: dict[str, Any]) -> None:
    """Copy, run, watch, fetch, clean up."""
    from asmnet_edge.benchmarks.remote.faces import FacesAbroad
    from asmnet_edge.benchmarks.remote.host import Host
    from asmnet_edge.benchmarks.remote.ssh import RemoteRun
    from asmnet_edge.cli.benchmark.options import subset_of
    from asmnet_edge.data.catalog import open_dataset

    faces = None
    if given["data"]:
        dataset = open_dataset(given["data"])
        faces = FacesAbroad(dataset, subset_of(dataset, given["subset"]))
    host = Host(given["ssh"], given["ssh_option"], given["remote_python"])
    there = RemoteRun(host, say)
    try:
        with terminable(signal.SIGTERM, signal.SIGHUP):
            paths = there.prepare(_models(given), faces.files() if faces else ())
            there.start([*_words(given, paths), *(faces.words(there.folder) if faces else [])])
    except BaseException:
        there.clean()
        raise
    bring(there, given)


def bring(there: RemoteRun, given: dict[str, Any]) -> None:
    """Wait for the run, keep its record here, and only then remove it there.

    Ctrl-C ends the run there and keeps what it measured; once more gives that up too. Whatever
    else goes wrong leaves the run as it is, for ``benchmark fetch``.
    """
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord
    from asmnet_edge.benchmarks.record.upgrade import upgraded

    with terminable(signal.SIGTERM):
        _wait(there)
        try:
            record = BenchmarkRecord(upgraded(there.fetch()))
        except UsageError:  # no record, and none will come
            there.clean()
            raise
        save(record, given)
    there.clean()
    tell(record, given)


def _wait(there: RemoteRun) -> None:
    try:
        there.wait()
    except KeyboardInterrupt:
        say("ending the run there")
        try:
            there.stop()
            there.wait()
        except KeyboardInterrupt:
            there.clean()
            raise


def say(line: str) -> None:
    notes.print(line, soft_wrap=True)


def _models(given: dict[str, Any]) -> list[Path]:
    reference = [given["float_model"]] if given["float_model"] else []
    return [*given["artifacts"], *given["beside"], *reference]


def _words(given: dict[str, Any], paths: list[str]) -> list[str]:
    """The command's words there; ``paths`` are those of `_models`, in their order."""
    artifacts, beside = len(given["artifacts"]), len(given["beside"])
    words = paths[:artifacts]
    for path in paths[artifacts : artifacts + beside]:
        words += ["--beside", path]
    for path in paths[artifacts + beside :]:
        words += ["--float-model", path]
    for name in PASSED_ON:
        if given[name] is not None:
            words += [f"--{name}", str(given[name])]
    words += [f"--{name}" for name in FLAGS if given[name]]
    words += [] if given["cold"] else ["--no-cold"]
    return [*words, *([] if given["with_float"] else ["--no-float"])]
