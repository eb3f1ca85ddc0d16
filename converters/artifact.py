"""Conversion to one artifact: export, check, embed, publish. No half-written file is published.

A resumed conversion keeps artifacts that equal what it would make: see `existing_manifest`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import asmnet_edge
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.checks.arithmetic import Arithmetics, Outputs, open_in_both
from asmnet_edge.converters.checks.fingerprint import Fingerprint
from asmnet_edge.converters.checks.parity import Parities, compare_both, reference_of
from asmnet_edge.converters.checks.patterns import patterns
from asmnet_edge.converters.checks.verify import verify
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.inspection.audit import audit
from asmnet_edge.converters.jobs import ConversionJob, Exporter, Recipe, exporter_for
from asmnet_edge.converters.staging import publish, staging_directory
from asmnet_edge.errors import CheckFailedError, ModelError, OutputExistsError
from asmnet_edge.io.manifest import ArtifactManifest, read_manifest
from asmnet_edge.io.system import installed_version
from asmnet_edge.runtime.backends.backend import open_backend, run_all

UNKNOWN_LICENCE = "not known: ask whoever trained the float model"

Step = Callable[[str], AbstractContextManager[Any]]  # name of a step -> context entered around it


def unobserved(name: str) -> AbstractContextManager[None]:
    """A `Step` that does nothing."""
    return nullcontext()


def convert_artifact(
    job: ConversionJob,
    graph: InferenceGraph,
    calibration: CalibrationSet,
    folder: Path,
    stem: str,
    step: Step = unobserved,
) -> tuple[Path, ArtifactManifest]:
    """Make one artifact in ``folder``; return its path and manifest.

    Float precisions use the calibration set for the parity check alone. ``step`` is entered around
    each step: export, check, embed. `CheckFailedError` when the artifact deviates too far from the
    float model; then nothing is published.
    """
    exporter = exporter_for(job.format)
    recipe = Recipe(job.precision, calibration if job.is_calibrated else None, job.keep_float)
    with staging_directory(folder) as staging:
        path = job.path(staging, stem)
        with step("export"):
            exporter.export(graph, recipe, path)
        with step("check"):
            both = open_in_both(path)
            outputs = _run(both, calibration.held_out)
            parity = _parity(outputs, graph, calibration.held_out)
            parity.check(job.precision, path.name)
            manifest = _manifest(job, recipe, graph, exporter, path)
            manifest = replace(
                manifest, parity=parity.as_json(), fingerprint=_fingerprint(both, graph)
            )
        with step("embed"):
            exporter.embed(path, manifest.embedded())
            embedded = run_all(open_backend(path), calibration.held_out)
            if not all(map(np.allclose, embedded, outputs[both.here])):
                raise CheckFailedError(f"embedding the manifest changed the results of {path.name}")
            manifest = publish(path, manifest, folder)
    return folder / path.name, manifest


def _run(both: Arithmetics, crops: NDArray[np.uint8]) -> dict[str, Outputs]:
    """Landmarks and pose of ``crops`` in both arithmetics; this CPU's by the real runtime."""
    outputs = both.run(crops)
    if not all(np.isfinite(output).all() for one in outputs.values() for output in one):
        raise CheckFailedError("its landmarks or pose are not finite")
    return outputs


def _parity(
    outputs: Mapping[str, Outputs], graph: InferenceGraph, crops: NDArray[np.uint8]
) -> Parities:
    model = graph.model
    return compare_both(outputs, reference_of(model, crops), model.scheme, graph.size)


def _fingerprint(both: Arithmetics, graph: InferenceGraph) -> Mapping[str, Any]:
    """Outputs of the float model on the test patterns, and the artifact's distance from them."""
    model, crops = graph.model, patterns(graph.size)
    print_ = Fingerprint.of(reference_of(model, crops), graph.size)
    parity = _parity(_run(both, crops), graph, crops)
    print_ = replace(print_, parity=parity.exact, parity_saturating=parity.saturating)
    return print_.as_json()


def _manifest(
    job: ConversionJob, recipe: Recipe, graph: InferenceGraph, exporter: Exporter, path: Path
) -> ArtifactManifest:
    model, found = graph.model, audit(path, run=False, keep_float=job.keep_float)
    return ArtifactManifest(
        format=job.format,
        precision=job.precision,
        model=asdict(model.variant),
        scheme=model.scheme.name,
        crop=asdict(model.crop),
        inputs=(_image(graph.size),),
        outputs=_outputs(graph.points, exporter.encoding(path)),
        parameters=graph.parameters,
        multiply_adds=graph.multiply_adds,
        operators=found.counts,
        calibration=recipe.calibration.as_json() if recipe.calibration else None,
        source_sha256=model.source_sha256,
        provenance=model.provenance,
        licence=str(model.provenance.get("licence", UNKNOWN_LICENCE)),
        tools=versions(exporter),
        keep_float=job.keep_float,
        audit=found.facts(),
        repair=graph.repair,
    )


def _image(size: int) -> Mapping[str, Any]:
    shape = [1, size, size, 3]
    return {"name": "image", "type": "uint8", "shape": shape, "meaning": "RGB crop, 0 to 255"}


def _outputs(
    points: int, encoding: Mapping[str, Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """Outputs of the file; ``encoding`` has type, scale and zero point of those not float32."""
    landmarks = "x, y relative to the crop: (column + 0.5) / size"
    pose = "yaw, pitch, roll in degrees"
    outputs = (
        {"name": "landmarks", "type": "float32", "shape": [1, points, 2], "meaning": landmarks},
        {"name": "pose", "type": "float32", "shape": [1, 3], "meaning": pose},
    )
    return tuple({**output, **encoding.get(str(output["name"]), {})} for output in outputs)


def versions(exporter: Exporter) -> Mapping[str, str]:
    """Return the version of each package that takes part in a conversion by ``exporter``."""
    found = {name: installed_version(name) for name in exporter.tools}
    return {"asmnet-edge": asmnet_edge.__version__, **found}


def existing_manifest(
    job: ConversionJob, folder: Path, stem: str, source_sha256: str, calibration: CalibrationSet
) -> ArtifactManifest | None:
    """Return the manifest of the artifact that exists already; None when there is none.

    `OutputExistsError` when one exists that differs from what the job would make.
    """
    path = job.path(folder, stem)
    if not path.exists():
        return None
    why = difference(job, path, source_sha256, calibration)
    if why:
        raise OutputExistsError(
            f"{path} is there already and {why}", "Give --overwrite or another output"
        )
    return read_manifest(path)


def difference(
    job: ConversionJob, path: Path, source_sha256: str, calibration: CalibrationSet
) -> str | None:
    """Describe how the artifact at ``path`` differs from what ``job`` makes; None when equal."""
    try:
        manifest = read_manifest(path)
    except ModelError as error:
        return f"has no valid manifest: {error.message}"
    wanted = calibration.as_json() if job.is_calibrated else None
    if manifest.source_sha256 != source_sha256:
        return "was converted from another float model"
    if _plain(manifest.calibration) != _plain(wanted):
        return "was calibrated on other faces"
    if tuple(manifest.keep_float) != tuple(job.keep_float):
        return "keeps other layers in float"
    if dict(manifest.tools) != dict(versions(exporter_for(job.format))):
        return "was converted with other versions of the tools"
    failed = [check.what for check in verify(path).checks if not check.passed]
    return f"does not pass its checks: {failed[0]}" if failed else None


def _plain(content: Any) -> Any:
    """Return ``content`` as it comes back from JSON."""
    return json.loads(json.dumps(content))
