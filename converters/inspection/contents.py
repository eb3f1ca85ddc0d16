"""Contents of a model file, read without its runtime: its operators, and the facts about it.

Plain Python throughout, as such a file may come from anywhere: native parsers crash on bad ones.
The facts are those of the manifest beside the file, else those embedded in it.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asmnet_edge.errors import MissingExtraError, ModelError
from asmnet_edge.formats import FLOAT_SUFFIX, find_format, format_of, resolve, suffixes
from asmnet_edge.io.files import sha256
from asmnet_edge.io.manifest import artifact_files, read_manifest
from asmnet_edge.training.model_facts import read_facts

BESIDE, INSIDE = "beside the file", "inside the file"

Read = tuple[list[str], Mapping[str, Any] | None]  # kind of each operator, embedded facts
# facts, where they come from, why they are doubtful
Facts = tuple[dict[str, Any] | None, str | None, str | None]


@dataclass(frozen=True)
class Contents:
    """Contents of one file.

    operators : number of operators of each kind; facts : embedded in the file, None without
    """

    operators: Mapping[str, int]
    facts: Mapping[str, Any] | None


def read_contents(path: Path) -> Contents:
    """Read the artifact or float model at ``path``.

    `ModelError` when there is no such file, or it cannot be read as its suffix promises;
    `MissingExtraError` when a package that reads it is not installed.
    """
    spec = find_format(path)
    if spec is None and path.suffix != FLOAT_SUFFIX:
        known = ", ".join((*suffixes(), FLOAT_SUFFIX))
        raise ModelError(f"{path} is no model file", f"Known: {known}")
    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    try:
        kinds, facts = resolve(spec.inspector).read_contents(path) if spec else _float_model(path)
    except MissingExtraError:
        raise
    except Exception as error:  # bad offsets in a flatbuffer may raise anything
        reason = str(error) or type(error).__name__
        raise ModelError(f"{path} cannot be read as {path.suffix}: {reason}") from error
    return Contents(dict(Counter(kinds).most_common()), facts)


def _float_model(path: Path) -> Read:
    facts = read_facts(path)
    with zipfile.ZipFile(path) as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    return [layer["class_name"] for layer in layers], facts


def facts_of(content: str | bytes | None) -> Mapping[str, Any] | None:
    """Parse the facts that were embedded as JSON; None when there are none."""
    facts = json.loads(content) if content else None
    return facts if isinstance(facts, dict) else None


def inspect(path: Path) -> dict[str, Any]:
    """Describe the artifact or float model at ``path``, ready for JSON.

    ``facts`` are those of its manifest, else those inside the file; ``facts_from`` is `BESIDE` or
    `INSIDE`; ``doubt`` is why they are not the manifest's, or are not to be trusted. `ModelError`
    when the file cannot be read.
    """
    contents = read_contents(path)
    is_float = path.suffix == FLOAT_SUFFIX
    facts, where, doubt = _float(contents) if is_float else _artifact(path, contents)
    return {
        "file": str(path),
        "kind": "Keras float model" if is_float else f"{format_of(path).label} artifact",
        "files": [_file(file) for file in artifact_files(path) if file.is_file()],
        "facts_from": where,
        "doubt": doubt,
        "operators": dict(contents.operators),
        "facts": facts,
    }


def is_vouched_for(content: Mapping[str, Any]) -> bool:
    """Whether the manifest beside the file holds the hash of its bytes: a runtime may load it."""
    return content["facts_from"] == BESIDE and not content["doubt"]


def _file(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}


def _float(contents: Contents) -> Facts:
    facts = {k: v for k, v in (contents.facts or {}).items() if k != "schema"}
    return facts, INSIDE, None


def _artifact(path: Path, contents: Contents) -> Facts:
    try:
        manifest = read_manifest(path)
    except ModelError as error:
        if contents.facts is None:
            return None, None, f"{error.message}, and there are no facts inside the file"
        return dict(contents.facts), INSIDE, error.message
    facts = asdict(manifest)
    facts.pop("files")
    return facts, BESIDE, None
