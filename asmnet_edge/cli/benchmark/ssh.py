"""``asmnet-edge benchmark run --ssh``: the same command on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asmnet_edge.cli.terminal import notes

PASSED_ON = ("threads", "cpus", "runtimes", "queries", "seconds", "sustain")
FLAGS = ("rigorous", "pictures")


def run_there(given: dict[str, Any]) -> None:
    """Copy, run, watch, fetch, clean up; Ctrl-C ends the run there and keeps what it measured."""
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord
    from asmnet_edge.benchmarks.record.upgrade import upgraded
    from asmnet_edge.benchmarks.remote.faces import FacesAbroad
    from asmnet_edge.benchmarks.remote.ssh import Host, RemoteRun
    from asmnet_edge.cli.benchmark.run import finish

    faces = FacesAbroad.of(given["data"], given["subset"]) if given["data"] else None
    host = Host(given["ssh"], given["ssh_option"], given["remote_python"])
    there = RemoteRun(host, lambda line: notes.print(line, soft_wrap=True))
    try:
        paths = there.prepare(_models(given), faces.files() if faces else ())
        there.start([*_words(given, paths), *(faces.words(there.folder) if faces else [])])
        try:
            there.wait()
        except KeyboardInterrupt:
            there.stop()
            there.wait()
        fetched = there.fetch()
        record = BenchmarkRecord(upgraded(faces.named_as_here(fetched) if faces else fetched))
    finally:
        there.clean()
    finish(record, given)


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
