"""Facts in a float model file, read without Keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

FACTS = "asmnet_edge.json"  # name within the ``.keras`` archive
SCHEMA = 1


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts of the float model at ``path``.

    `KeyError`, `ValueError` or an error of `zipfile` when it is no such file.
    """
    with zipfile.ZipFile(path) as archive:
        facts: dict[str, Any] = json.loads(archive.read(FACTS))
    if not isinstance(facts, dict):
        raise ValueError(f"its {FACTS} holds no object")
    if facts.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {facts.get('schema')!r}, known is {SCHEMA}")
    return facts
