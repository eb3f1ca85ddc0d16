"""Lines such as ``size : pixels a side`` in docstrings, as a list on the API pages.

A Griffe extension, which mkdocs.yml names.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

FIELD = re.compile(r"^(?P<names>``?\w+``?|\w+(?:, \w+)*)(?P<more>(?: \([^)]*\))?) : ")


class Fields(Extension):
    """Turn each line ``name : meaning`` into an item of a list."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of ``obj``, if it has one."""
        if obj.docstring:
            obj.docstring.value = listed(obj.docstring.value)


def listed(text: str) -> str:
    """``text`` with its fields as list items; an item goes on until a blank line."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if match := FIELD.match(line):
            lines += [] if inside else [""]
            names = match["names"].strip("`")
            line = f"- **{names}**{match['more']}: {line[match.end() :]}"
            inside = True
        elif not line.strip():
            inside = False
        elif inside:
            line = f"  {line}"
        lines.append(line)
    return "\n".join(lines)
