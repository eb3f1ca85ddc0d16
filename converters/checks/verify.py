"""Verification of an artifact on any machine with its runtime: hash, contract and parity."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.converters.checks.arithmetic import (
    EXACT,
    SATURATING,
    arithmetic_here,
    other_than,
    simulated,
)
from asmnet_edge.converters.checks.fingerprint import Fingerprint, digest, is_near
from asmnet_edge.converters.checks.parity import Parity
from asmnet_edge.converters.checks.patterns import patterns
from asmnet_edge.converters.inspection.contents import read_contents
from asmnet_edge.errors import AsmnetEdgeError, CheckFailedError, MissingExtraError
from asmnet_edge.formats import format_of
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.manifest import ArtifactManifest, manifest_path, read_manifest
from asmnet_edge.runtime.backends.backend import InferenceBackend, open_backend, run_all

# arithmetic of this CPU -> CPUs with the other one, for messages
ELSEWHERE = {EXACT: "on x86 without VNNI", SATURATING: "with VNNI or on ARM"}


@dataclass(frozen=True)
class Check:
    """Result of one check; what : the finding or the error, for messages."""

    name: str
    passed: bool
    what: str


@dataclass(frozen=True)
class Verification:
    """Result of verifying the artifact at ``path``.

    runtime : name and version of the runtime that ran it
    parity, original : deviation from the float model on the test patterns, here and at conversion,
    in this CPU's ``arithmetic``, see `Arithmetics`
    other : here in the other arithmetic, simulated; None if the simulation is not installed
    """

    path: Path
    checks: tuple[Check, ...]
    runtime: str = ""
    parity: Parity | None = None
    original: Parity | None = None
    arithmetic: str = EXACT
    other: Parity | None = None

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def is_reproduced(self) -> bool:
        """Whether results here deviate no more than those of the machine that converted."""
        return not (self.parity and self.original) or is_near(self.parity, self.original)

    def as_json(self) -> dict[str, Any]:
        return {
            "file": str(self.path),
            "passed": self.passed,
            "checks": [asdict(check) for check in self.checks],
            "runtime": self.runtime,
            "parity": self.parity.as_json() if self.parity else None,
            "parity_where_made": self.original.as_json() if self.original else None,
            "arithmetic": self.arithmetic,
            "parity_in_other_arithmetic": self.other.as_json() if self.other else None,
            "computes_as_made": self.is_reproduced,
        }


def verify(path: Path, threads: int = 1) -> Verification:
    """Check the artifact at ``path`` with ``threads`` threads, up to the first check that fails.

    `MissingExtraError` if the runtime of its format is not installed.
    """
    run = _Run(path, threads)
    steps = {"hash": run.hash, "contract": run.contract, "parity": run.fingerprint}
    checks = tuple(_until_one_fails(steps))
    results = run.parity, run.original, run.arithmetic, run.other
    return Verification(path, checks, run.runtime, *results)


def _until_one_fails(steps: dict[str, Callable[[], str]]) -> Iterator[Check]:
    for name, step in steps.items():
        try:
            yield Check(name, True, step())
        except MissingExtraError:
            raise
        except AsmnetEdgeError as error:
            yield Check(name, False, str(error))
            return


class _Run:
    """The checks of one artifact, in order; each returns its finding or raises."""

    manifest: ArtifactManifest
    outputs: tuple[FloatArray, FloatArray]

    def __init__(self, path: Path, threads: int) -> None:
        self.path, self._threads, self.runtime = path, threads, ""
        self.parity: Parity | None = None
        self.original: Parity | None = None
        self.arithmetic = EXACT
        self.other: Parity | None = None

    def hash(self) -> str:
        format_of(self.path)  # an unknown suffix is refused before anything is read
        self.manifest = read_manifest(self.path)
        # compared as written: a later version may store facts that this one does not know
        beside = json.loads(manifest_path(self.path).read_text(encoding="utf-8"))
        digest_text = f"sha256 {self.manifest.files[-1]['sha256'][:12]}…"
        try:
            inside = read_contents(self.path).facts
        except MissingExtraError:  # tflite-runtime has no reader of the files themselves
            return f"{digest_text} (the facts inside the file need ai-edge-litert to be read)"
        if inside is None or any(beside.get(name) != inside[name] for name in inside):
            raise CheckFailedError("the facts inside the file are not those of its manifest")
        return digest_text

    def contract(self) -> str:
        backend = open_backend(self.path, self._threads)
        self.runtime = backend.name
        self.outputs = _run(backend, self.manifest)
        points = self.manifest.landmark_scheme.points
        shapes = tuple(output.shape[1:] for output in self.outputs)
        if shapes != ((points, 2), (3,)):
            raise CheckFailedError(f"expected outputs ({points}, 2) and (3,), got {shapes}")
        if not all(np.isfinite(output).all() for output in self.outputs):
            raise CheckFailedError("its outputs are not finite")
        return f"uint8 crop in, {points} landmarks and pose out"

    def fingerprint(self) -> str:
        manifest, size = self.manifest, self.manifest.crop_rule.size
        print_ = Fingerprint.from_manifest(manifest)
        if print_.patterns != digest(size):
            raise CheckFailedError(
                "its fingerprint is of other test patterns than this version draws",
                "Verify with the version that converted it, or convert again",
            )
        self.arithmetic = arithmetic_here(self.path)
        self.original = print_.parity_in(self.arithmetic)
        self.parity = print_.compare(self.outputs, manifest.landmark_scheme, size)
        self.other = self._other(print_)
        print_.check(self.parity, self.arithmetic, manifest.precision, self.path.name)
        finding = f"at most {self.parity.max_px:.4f} px from the float model on test patterns"
        return finding + (
            f", {self.other.max_px:.4f} {ELSEWHERE[self.arithmetic]}" if self.other else ""
        )

    def _other(self, print_: Fingerprint) -> Parity | None:
        """Return the parity in the other arithmetic; None if it cannot be simulated."""
        try:
            backend = simulated(self.path, other_than(self.arithmetic))
        except MissingExtraError:
            return None
        outputs = self.outputs if backend is None else _run(backend, self.manifest)
        return print_.compare(outputs, self.manifest.landmark_scheme, self.manifest.crop_rule.size)


def _run(backend: InferenceBackend, manifest: ArtifactManifest) -> tuple[FloatArray, FloatArray]:
    try:
        return run_all(backend, patterns(manifest.crop_rule.size))
    except (ValueError, RuntimeError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckFailedError(f"it does not take the contract's crop: {reason}") from error
