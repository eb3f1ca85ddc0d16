"""Conversion from start to end: export, check, embed, name. Nothing half-made gets a final name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import asmnet_edge
from asmnet_edge.converters.audit.audit import audit
from asmnet_edge.converters.calibration.crops import CalibrationSet
from asmnet_edge.converters.checks.arithmetics import Arithmetics, Outputs, open_in_both
from asmnet_edge.converters.checks.fingerprint import Fingerprint
from asmnet_edge.converters.checks.parity import Parities, compare_both
from asmnet_edge.converters.checks.patterns import patterns
from asmnet_edge.converters.checks.reference import reference_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.orders import Order as Order
from asmnet_edge.converters.recipe import Recipe
from asmnet_edge.converters.target import ConversionTarget, target_for
from asmnet_edge.converters.workshop import name_finally, workshop
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.manifest import ArtifactManifest
from asmnet_edge.runtime.backends.backend import open_backend, run_all
from asmnet_edge.versions import installed_version

UNKNOWN_LICENCE = "not known: ask whoever trained the float model"

Step = Callable[[str], AbstractContextManager[Any]]  # told the name of each step, around it


def unwatched(name: str) -> AbstractContextManager[None]:
    """A `Step` for whom nobody waits."""
    return nullcontext()


def convert(
    order: Order,
    graph: InferenceGraph,
    calibration: CalibrationSet,
    folder: Path,
    stem: str,
    step: Step = unwatched,
) -> tuple[Path, ArtifactManifest]:
    """Make one artifact in ``folder``; its path and manifest.

    Float precisions use the calibration set for the parity check alone. ``step`` is entered around
    each step: export, check, embed.
    """
    target = target_for(order.format)
    recipe = Recipe(order.precision, calibration if order.is_calibrated else None, order.keep_float)
    with workshop(folder) as room:
        path = order.path(room, stem)
        with step("export"):
            target.export(graph, recipe, path)
        with step("check"):
            both = open_in_both(path)
            outputs = _run(both, calibration.held_out)
            parity = _parity(outputs, graph, calibration.held_out)
            parity.check(order.precision, path.name)
            manifest = _manifest(order, recipe, graph, target, path)
            manifest = replace(
                manifest, parity=parity.as_json(), fingerprint=_fingerprint(both, graph)
            )
        with step("embed"):
            target.embed(path, manifest.embedded())
            embedded = run_all(open_backend(path), calibration.held_out)
            if not all(map(np.allclose, embedded, outputs[both.here])):
                raise CheckFailedError(f"embedding the manifest changed what {path.name} gives")
            manifest = name_finally(path, manifest, folder)
    return folder / path.name, manifest


def _run(both: Arithmetics, crops: NDArray[np.uint8]) -> dict[str, Outputs]:
    """Landmarks and pose of ``crops`` in both arithmetics, this CPU's in the real runtime."""
    outputs = both.run(crops)
    if not all(np.isfinite(output).all() for one in outputs.values() for output in one):
        raise CheckFailedError("it gives numbers that are not finite")
    return outputs


def _parity(
    outputs: Mapping[str, Outputs], graph: InferenceGraph, crops: NDArray[np.uint8]
) -> Parities:
    model = graph.model
    return compare_both(outputs, reference_of(model, crops), model.scheme, graph.size)


def _fingerprint(both: Arithmetics, graph: InferenceGraph) -> Mapping[str, Any]:
    """What the float model gives on the test patterns, and how near the artifact comes to it."""
    model, crops = graph.model, patterns(graph.size)
    print_ = Fingerprint.of(reference_of(model, crops), graph.size)
    made = _parity(_run(both, crops), graph, crops)
    return replace(print_, made=made.exact, made_saturating=made.saturating).as_json()


def _manifest(
    order: Order, recipe: Recipe, graph: InferenceGraph, target: ConversionTarget, path: Path
) -> ArtifactManifest:
    model, found = graph.model, audit(path, run=False, keep_float=order.keep_float)
    return ArtifactManifest(
        format=order.format,
        precision=order.precision,
        model=asdict(model.variant),
        scheme=model.scheme.name,
        crop=asdict(model.crop),
        inputs=(_image(graph.size),),
        outputs=_outputs(graph.points, target.encoding(path)),
        parameters=graph.parameters,
        multiply_adds=graph.multiply_adds,
        operators=found.counts,
        calibration=recipe.calibration.as_json() if recipe.calibration else None,
        source_sha256=model.source_sha256,
        provenance=model.provenance,
        licence=str(model.provenance.get("licence", UNKNOWN_LICENCE)),
        tools=versions(target),
        keep_float=order.keep_float,
        audit=found.facts(),
        repair=graph.repair,
    )


def _image(size: int) -> Mapping[str, Any]:
    shape = [1, size, size, 3]
    return {"name": "image", "type": "uint8", "shape": shape, "meaning": "RGB crop, 0 to 255"}


def _outputs(
    points: int, encoding: Mapping[str, Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """What the file gives; ``encoding`` has type, scale and zero point of what is not float32."""
    landmarks = "x, y relative to the crop: (column + 0.5) / size"
    pose = "yaw, pitch, roll in degrees"
    told = (
        {"name": "landmarks", "type": "float32", "shape": [1, points, 2], "meaning": landmarks},
        {"name": "pose", "type": "float32", "shape": [1, 3], "meaning": pose},
    )
    return tuple({**output, **encoding.get(str(output["name"]), {})} for output in told)


def versions(target: ConversionTarget) -> Mapping[str, str]:
    """Version of each tool that takes part in a conversion to ``target``."""
    found = {name: installed_version(name) for name in target.tools}
    return {"asmnet-edge": asmnet_edge.__version__, **found}
