"""Facts about one model file, gathered without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asmnet_edge.converters.audit.contents import Contents, read_contents
from asmnet_edge.errors import ModelError
from asmnet_edge.files import sha256
from asmnet_edge.formats import FLOAT_SUFFIX, format_of
from asmnet_edge.manifest import artifact_files, read_manifest

BESIDE, INSIDE = "beside the file", "inside the file"


def inspect(path: Path) -> dict[str, Any]:
    """Describe the artifact or float model at ``path``, ready for JSON.

    The key ``facts`` holds those of its manifest, else those inside the file; ``facts_from`` says
    which; ``doubt`` says why they are not the manifest's, or are not to be trusted. `ModelError`
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


Facts = tuple[dict[str, Any] | None, str | None, str | None]


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
