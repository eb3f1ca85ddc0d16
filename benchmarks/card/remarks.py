"""What is to be said of certain weights and no program can find out: a TOML file of remarks.

    [[remark]]
    sha256 = "..."    # of the float model file that it is true of
    text = "..."

A remark on other weights is left out of a card, so that it does not outlive them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from asmnet_edge.errors import DataError

KEYS = {"sha256", "text"}


def read_remarks(path: Path) -> dict[str, list[str]]:
    """SHA-256 of a float model -> its remarks, in the file's order."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        remarks = content["remark"] if content else []
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is no file of remarks: {error}", "Expected [[remark]]") from error
    found: dict[str, list[str]] = {}
    for number, remark in enumerate(remarks, start=1):
        if set(remark) != KEYS or not all(isinstance(text, str) for text in remark.values()):
            raise DataError(
                f"{path}, remark {number}: expected the texts sha256 and text, got {remark}"
            )
        found.setdefault(remark["sha256"], []).append(" ".join(remark["text"].split()))
    return found
