"""Loading of the model of a `Case`, in the process that measures it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from asmnet_edge.benchmarks.callable_model import CallableModel, artifact_model, keras_model
from asmnet_edge.benchmarks.cases import FOREIGN_SUFFIX, Case
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.io.files import sha256, sha256_of_all
from asmnet_edge.io.manifest import artifact_files
from asmnet_edge.runtime.backends.backend import open_backend


def open_checked_model(case: Case) -> CallableModel:
    """Open the model of ``case``, pinned to its cores; a probe call must give finite numbers."""
    model = open_model(case)
    check_outputs(case, model)
    return model


def identified(case: Case, model: CallableModel) -> CaseResult:
    """Return the row of a record for ``case``: its ``model``, hashes and cores, unmeasured."""
    return replace(
        model.unmeasured(case.key),
        file=case.path.name,
        sha256=sha256(case.path),
        files_sha256=sha256_of_all(model_files(case.path)),
        cpus=case.cpus,
        compared=case.compared,
    )


def model_files(path: Path) -> list[Path]:
    """All files of the model at ``path``: weights beside it, the network of a TOML file."""
    if path.suffix == FOREIGN_SUFFIX:
        from asmnet_edge.benchmarks.foreign_description import read_foreign

        return [*read_foreign(path).files, path]
    return artifact_files(path)


def open_model(case: Case) -> CallableModel:
    """Open the model of ``case`` without a probe call: its first call is the first there is."""
    if case.cpus:
        pin_to(case.cpus)
    return _opened(case)


def pin_to(cpus: tuple[int, ...]) -> None:
    """Let this process run on ``cpus`` alone; threads that start later inherit it."""
    try:
        os.sched_setaffinity(0, cpus)
    except (AttributeError, OSError) as error:
        raise UsageError(f"this machine cannot hold a process to the cores {cpus}") from error


def check_outputs(case: Case, model: CallableModel) -> None:
    """Call ``model`` once; `UsageError` or `ModelError` where its outputs break the contract."""
    crop, scheme = np.zeros((1, *2 * (model.crop.size,), 3), np.uint8), model.scheme
    landmarks, pose = model.backend.run(crop)
    if landmarks.shape != (scheme.points, 2):
        raise UsageError(
            f"{case.path}: {scheme.name} has {scheme.points} points, the network gives "
            f"{landmarks.shape[0]}",
            "Say which of them are the scheme's with points = [...] under [output]"
            if case.is_foreign
            else "Convert the model again",
        )
    if not all(np.isfinite(output).all() for output in (landmarks, pose)):
        raise ModelError(f"{model.description.name} gives numbers that are not finite")


def _opened(case: Case) -> CallableModel:
    if case.is_float_model:
        return keras_model(case.path, case.threads)
    if case.is_foreign:
        from asmnet_edge.benchmarks.foreign_models import foreign_model

        return foreign_model(case.path, case.threads)
    if case.runtime is None:
        return artifact_model(case.path, case.threads)
    load = partial(open_backend, package=case.runtime)
    return artifact_model(case.path, case.threads, load)
