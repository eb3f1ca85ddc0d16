"""The int8 audit: which operators an artifact computes in int8, which not and why, and here.

Each format's `Inspector` reads its files; the notes describe this CPU's int8 arithmetic.

Inspectors need only what a device has: the TFLite schema that comes with LiteRT, a parser of a few
lines for ONNX, OpenVINO's own reader. Where one is missing, the audit reports so and does not fail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from asmnet_edge.converters.inspection.contents import Read
from asmnet_edge.errors import AsmnetEdgeError
from asmnet_edge.formats import format_of, resolve
from asmnet_edge.io import system
from asmnet_edge.io.manifest import manifest_path

SATURATION = (
    "without VNNI, sums of two products of uint8 and int8 saturate at 16 bits: asmnet-edge verify "
    "measures what that costs this file"
)
NAMELESS = re.compile(r"^[A-Za-z]+_+\d+$")  # as converters rename what they transpose
FLOAT = "a float artifact"
JOINS = ("CONCATENATION", "Concat")
HEADS = ("FULLY_CONNECTED", "MatMul", "Gemm", "DynamicQuantizeLinear", "MatMulInteger")


@dataclass(frozen=True)
class Operator:
    """A computing operator of an artifact, biases and activations counted with it.

    int8 : whether the file asks for eight-bit arithmetic; why : reason why it is not in int8
    multiply_adds : None where the file has no shapes
    runs : type that it is computed in on this machine, such as "int8" or "f32"; None if unknown
    """

    name: str
    kind: str
    int8: bool
    multiply_adds: int | None = 0
    why: str = ""
    runs: str | None = None


@dataclass(frozen=True)
class Audit:
    """The result of an audit, with operators in their order of computation.

    other : operators outside the count that stay in float, such as the scaling of pixels
    runtime : name and version of the runtime that was probed; None when none was
    notes : sentences about speed and results on this machine
    possible : False when the file could not be read for lack of a package
    """

    operators: tuple[Operator, ...] = ()
    other: tuple[str, ...] = ()
    runtime: str | None = None
    notes: tuple[str, ...] = ()
    possible: bool = True

    @property
    def counts(self) -> dict[str, int]:
        """Number of operators: ``total``, and those in ``int8``."""
        return {"total": len(self.operators), "int8": sum(o.int8 for o in self.operators)}

    @property
    def share_of_operators(self) -> float:
        """Operators in int8 over all, 0 to 1."""
        return self.counts["int8"] / max(len(self.operators), 1)

    @property
    def share_of_multiply_adds(self) -> float | None:
        """Multiply-adds in int8 over all, 0 to 1; None where the file has no shapes."""
        counts = [o.multiply_adds for o in self.operators]
        if not counts or None in counts:
            return None
        in_int8 = sum(o.multiply_adds or 0 for o in self.operators if o.int8)
        return in_int8 / max(sum(c or 0 for c in counts), 1)

    @property
    def islands(self) -> dict[str, list[str]]:
        """Names of the operators in float by the reason why; empty for a float artifact."""
        islands: dict[str, list[str]] = {}
        if all(operator.why == FLOAT for operator in self.operators):
            return islands
        for operator in self.operators:
            if not operator.int8:
                islands.setdefault(operator.why, []).append(operator.name.partition(";")[0])
        return islands

    @property
    def runs_in_int8(self) -> int | None:
        """Number of int8 operators that this machine computes in int8; None if unknown."""
        runs = [operator.runs for operator in self.operators if operator.int8]
        return None if None in runs else runs.count("int8")

    def facts(self) -> dict[str, Any]:
        """Return the findings that hold on any machine, for the manifest."""
        share = self.share_of_multiply_adds
        return {
            "int8_operators": round(self.share_of_operators, 4),
            "int8_multiply_adds": None if share is None else round(share, 4),
            "float": self.islands,
        }

    def as_json(self) -> dict[str, Any]:
        """Return all findings and the derived shares, ready for JSON."""
        return {
            "possible": self.possible,
            "counts": self.counts,
            **self.facts(),
            "float_outside_the_count": list(self.other),
            "runtime": self.runtime,
            "runs_in_int8_here": self.runs_in_int8,
            "notes": list(self.notes),
            "operators": [asdict(operator) for operator in self.operators],
        }


@dataclass(frozen=True)
class Inspector:
    """Functions that inspect the files of one format; `FormatSpec.inspector` refers to one.

    read_contents : path -> kind of each operator, and the facts embedded in the file (None
    without). In plain Python: the file may come from anywhere, and native parsers crash on broken
    ones. May raise anything when the file is broken.
    read_operators : path -> computing operators without a reason why, and names of others in float.
    `ImportError` or `MissingExtraError` when a package for it is not installed.
    probe_runtime : path -> runtime and version, type that it computes each operator in, and notes
    """

    read_contents: Callable[[Path], Read]
    read_operators: Callable[[Path], tuple[list[Operator], list[str]]]
    probe_runtime: Callable[[Path], tuple[str, Mapping[str, str], list[str]]]


def inspector_of(path: Path) -> Inspector:
    """Return the inspector of the format of the artifact at ``path``."""
    inspector: Inspector = resolve(format_of(path).inspector)
    return inspector


def audit(path: Path, run: bool = True, keep_float: Collection[str] | None = None) -> Audit:
    """Audit the artifact at ``path``, whose origin is known: see `read_manifest`.

    run : load it into the runtime of its format, too, and ask how it is computed on this machine
    keep_float : layers that were left in float on purpose; None: those that the manifest names
    """
    inspector = inspector_of(path)
    kept = _kept_in_float(path) if keep_float is None else set(keep_float)
    try:
        operators, other = inspector.read_operators(path)
    except ImportError as error:
        note = f"cannot be audited here: the package {error.name!r} is not installed"
        return Audit(notes=(note,), possible=False)
    found = Audit(tuple(_with_reasons(operators, kept)), tuple(other))
    return _with_runtime(found, inspector, path) if run else found


def _with_runtime(found: Audit, inspector: Inspector, path: Path) -> Audit:
    try:
        runtime, runs, notes = inspector.probe_runtime(path)
    except (ImportError, AsmnetEdgeError) as error:
        note = f"how it runs here is not known: {error}"
        return replace(found, notes=(note,))
    operators = tuple(replace(o, runs=runs.get(o.name)) for o in found.operators)
    return replace(found, operators=operators, runtime=runtime, notes=tuple(notes))


def _with_reasons(operators: list[Operator], kept: set[str]) -> list[Operator]:
    """Add to each operator in float the reason why, as far as file and manifest show it."""
    nothing = not any(operator.int8 for operator in operators)
    return [o if o.int8 else replace(o, why=o.why or _why(o, kept, nothing)) for o in operators]


def _why(operator: Operator, kept: set[str], nothing: bool) -> str:
    if nothing:
        return FLOAT
    if operator.kind in HEADS:
        return "head, float by design"
    if is_among(operator.name, kept):
        return "kept in float by plan"
    if operator.kind in JOINS:
        return "only the float heads take it"
    if kept and NAMELESS.match(operator.name):
        return "kept in float by plan"
    return "not quantised by the format's tools"


def is_among(operator: str, layers: set[str]) -> bool:
    """Whether an exporter's name of an operator contains one of the Keras ``layers``.

    Exporters write ``asmnet_1/block_3_depthwise_1/depthwise;...``: scopes, with a number added.
    """
    words = {word for path in operator.split(";") for word in path.split("/")}
    return bool(layers & (words | {word.rpartition("_")[0] for word in words}))


def _kept_in_float(path: Path) -> set[str]:
    try:
        content = json.loads(manifest_path(path).read_text(encoding="utf-8"))
        return set(content.get("keep_float") or ())
    except (OSError, ValueError, AttributeError, TypeError):
        return set()


def cpu_notes() -> list[str]:
    """Return one sentence on whether this CPU accelerates int8 products."""
    features = system.features()
    if features is None:
        return ["the CPU's features for int8 arithmetic are unknown on this system"]
    found = [name for name in system.FEATURES if name in features]
    if found:
        return [f"this CPU accelerates int8 products: {', '.join(found)}"]
    if system.is_x86():
        return ["this CPU has no VNNI: int8 gains little over float here"]
    return ["this CPU has no dot product instructions: int8 gains less than it could"]


def saturates() -> bool:
    """Whether sums of two products of uint8 and int8 are cut off at 16 bits: x86 without VNNI.

    vpmaddubsw adds pairs of products in 16 bits with saturation; VNNI sums in 32.
    """
    features = system.features()
    return system.is_x86() and features is not None and not features & system.DOT_PRODUCTS
