"""The manifest of an artifact: contract, origin, and the accuracy that conversion cost.

It is beside the artifact as ``<file>.json`` and is read before any runtime opens the artifact. The
same facts, without the hashes of the finished files, are embedded in the artifact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.formats import Precision as Precision
from asmnet_edge.formats import find_format
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_named
from asmnet_edge.io.files import sha256, write_json

SCHEMA_VERSION = 1
NOTHING: Mapping[Path, bytes] = MappingProxyType({})
KEY = "asmnet_edge_manifest"  # under which the facts are embedded


@dataclass(frozen=True)
class ArtifactManifest:
    """Facts of one artifact.

    model : architecture, alpha, input_size, points; scheme : name of the landmark scheme
    inputs, outputs : name, type, shape and meaning of each tensor
    crop : margin and size of the crop rule; operators : {"total", "int8"} counts of computing nodes
    calibration : source, count, choice and sha256 of the calibration crops; None for float
    parity : deviation from the float model, as `asmnet_edge.converters.checks.parity` measures it
    keep_float : layers of an int8 artifact that were left in float on purpose
    repair : which repairs of the weights were tried for int8, what each gave, which was applied
    audit : shares in int8 and what is left in float, as `converters.inspection` finds them
    fingerprint : what the float model gives on test patterns, for checks on other machines
    source_sha256 : of the float model file; files : name, bytes and sha256 of the artifact's files
    tools : version of each tool that took part
    """

    format: str
    precision: Precision
    model: Mapping[str, Any]
    scheme: str
    crop: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    parameters: int
    multiply_adds: int
    operators: Mapping[str, int]
    calibration: Mapping[str, Any] | None
    source_sha256: str
    provenance: Mapping[str, Any]
    licence: str
    tools: Mapping[str, str]
    parity: Mapping[str, Any] = field(default_factory=dict)
    keep_float: tuple[str, ...] = ()
    repair: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    audit: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Mapping[str, Any], ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def landmark_scheme(self) -> LandmarkScheme:
        return scheme_named(self.scheme)

    @property
    def crop_rule(self) -> CropRule:
        return CropRule(**self.crop)

    @property
    def bytes(self) -> int:
        """Size of all files of the artifact."""
        return sum(int(file["bytes"]) for file in self.files)

    def embedded(self) -> str:
        """Return the facts to embed in the artifact, as JSON, without what depends on its bytes."""
        facts = {key: value for key, value in asdict(self).items() if key != "files"}
        return json.dumps(facts, ensure_ascii=False, sort_keys=True)

    def sealed(self, paths: list[Path]) -> ArtifactManifest:
        """Return this manifest with name, size and hash of the artifact's finished files."""
        files = tuple(
            {"name": p.name, "bytes": p.stat().st_size, "sha256": sha256(p)} for p in paths
        )
        return replace(self, files=files)

    def save(self, artifact: Path) -> None:
        """Write beside ``artifact``, atomically."""
        write_json(manifest_path(artifact), asdict(self))


def artifact_files(artifact: Path) -> list[Path]:
    """Return all files of ``artifact`` by its format, itself last; of other files itself alone."""
    spec = find_format(artifact)
    return spec.files(artifact) if spec else [artifact]


def manifest_path(artifact: Path) -> Path:
    """Return the path of the manifest of ``artifact``."""
    return artifact.with_name(artifact.name + ".json")


def without_companions(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return ``paths`` without manifests and weights of others among them (for ``artifacts/*``)."""
    given = set(paths)
    companions = {p for path in given for p in (manifest_path(path), *artifact_files(path)[:-1])}
    return tuple(path for path in paths if path not in companions)


def read_manifest(artifact: Path, contents: Mapping[Path, bytes] = NOTHING) -> ArtifactManifest:
    """Return the manifest beside ``artifact``, checked against the artifact's files.

    contents : of files that were read already and are checked in place of those on disk
    `ModelError` when the artifact or its manifest is missing, unreadable, or they do not belong
    together.
    """
    if not artifact.is_file():
        raise ModelError(f"there is no artifact at {artifact}", "See asmnet-edge convert --help")
    manifest = _parse(manifest_path(artifact), artifact)
    for file in manifest.files:
        place = artifact.with_name(Path(str(file["name"])).name)
        _check(place, file, contents.get(place))
    return manifest


def _parse(path: Path, artifact: Path) -> ArtifactManifest:
    known = {f.name for f in fields(ArtifactManifest)}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"schema version {content.get('schema_version')!r} is not known")
        content["precision"] = Precision(content["precision"])
        content |= {key: tuple(content[key]) for key in ("inputs", "outputs", "files")}
        content["keep_float"] = tuple(content.get("keep_float", ()))
        described = {file["name"] for file in content["files"] if file["bytes"] and file["sha256"]}
        CropRule(**content["crop"]), scheme_named(content["scheme"])  # raise if they are none
        if not content["operators"].keys() >= {"total", "int8"}:
            raise ValueError("its operators are not counted")
        if silent := {path.name for path in artifact_files(artifact)} - described:
            raise ValueError(f"it does not list {', '.join(sorted(silent))}")
        return ArtifactManifest(**{k: v for k, v in content.items() if k in known})
    except FileNotFoundError as error:
        raise ModelError(
            f"{artifact} has no manifest {path.name} beside it",
            "Copy both files, or make the artifact with: asmnet-edge convert",
        ) from error
    except (UsageError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is not a manifest of asmnet-edge: {error}") from error


def _check(path: Path, file: Mapping[str, Any], content: bytes | None) -> None:
    if content is None and not path.is_file():
        raise ModelError(f"{path} is missing", "It belongs to the artifact: copy it too")
    size = path.stat().st_size if content is None else len(content)
    if size != file["bytes"] or sha256(path if content is None else content) != file["sha256"]:
        raise ModelError(
            f"{path} is not the file that its manifest was written for",
            "Copy both again, or convert again",
        )
