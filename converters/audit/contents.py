"""Contents of a model file, read without its runtime: kinds of operators, and embedded facts.

Plain Python throughout, as such a file may come from anywhere: native parsers crash on bad ones.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asmnet_edge.errors import MissingExtraError, ModelError
from asmnet_edge.formats import FLOAT_SUFFIX, find_format, resolve, suffixes
from asmnet_edge.training.facts import read_facts

Read = tuple[list[str], Mapping[str, Any] | None]  # kind of each operator, embedded facts


@dataclass(frozen=True)
class Contents:
    """operators : number of operators of each kind; facts : embedded in the file, None without"""

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
