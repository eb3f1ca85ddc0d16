"""From a `RowOrder` to a model that can be called. Runs in the row's own process."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from asmnet_edge.benchmarks.rows.candidates import Candidate, artifact_candidate, keras_candidate
from asmnet_edge.benchmarks.rows.order import FLOAT_SUFFIX, FOREIGN_SUFFIX, RowOrder
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.files import sha256, sha256_of_all
from asmnet_edge.manifest import artifact_files
from asmnet_edge.runtime.backends.backend import open_backend


def open_candidate(order: RowOrder) -> Candidate:
    """The model of ``order``, held to its cores; a trial call must give finite numbers."""
    candidate = untried_candidate(order)
    check_trial(order, candidate)
    facts = {
        **candidate.facts,
        "key": order.key,
        "file": order.path.name,
        "sha256": sha256(order.path),
        "files_sha256": sha256_of_all(model_files(order.path)),
        "source_sha256": candidate.source_sha256,
        "cpus": list(order.cpus),
        "compared": order.compared,
    }
    return replace(candidate, facts=facts)


def model_files(path: Path) -> list[Path]:
    """All that makes the model at ``path``: weights beside it, the network of a TOML file."""
    if path.suffix == FOREIGN_SUFFIX:
        from asmnet_edge.benchmarks.rows.foreign.described import read_foreign

        return [*read_foreign(path).files, path]
    return artifact_files(path)


def untried_candidate(order: RowOrder) -> Candidate:
    """The same without the trial: its first call is the first there is."""
    if order.cpus:
        hold_to(order.cpus)
    return _opened(order)


def hold_to(cpus: tuple[int, ...]) -> None:
    """Let this process run on ``cpus`` alone; threads that are made later inherit it."""
    try:
        os.sched_setaffinity(0, cpus)
    except (AttributeError, OSError) as error:
        raise UsageError(f"this machine cannot hold a process to the cores {cpus}") from error


def check_trial(order: RowOrder, candidate: Candidate) -> None:
    crop, scheme = np.zeros((1, *2 * (candidate.crop.size,), 3), np.uint8), candidate.scheme
    landmarks, pose = candidate.backend.run(crop)
    if landmarks.shape != (scheme.points, 2):
        foreign = order.path.suffix == FOREIGN_SUFFIX
        raise UsageError(
            f"{order.path}: {scheme.name} has {scheme.points} points, the network gives "
            f"{landmarks.shape[0]}",
            "Say which of them are the scheme's with points = [...] under [output]"
            if foreign
            else "Convert the model again",
        )
    if not all(np.isfinite(output).all() for output in (landmarks, pose)):
        raise ModelError(f"{candidate.facts['name']} gives numbers that are not finite")


def _opened(order: RowOrder) -> Candidate:
    if order.path.suffix == FLOAT_SUFFIX:
        return keras_candidate(order.path, order.threads)
    if order.path.suffix == FOREIGN_SUFFIX:
        from asmnet_edge.benchmarks.rows.foreign.candidate import foreign_candidate

        return foreign_candidate(order.path, order.threads)
    if order.runtime is None:
        return artifact_candidate(order.path, order.threads)
    return artifact_candidate(
        order.path, order.threads, partial(open_backend, package=order.runtime)
    )
