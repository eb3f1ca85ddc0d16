"""Turn docstring lines such as ``size : pixels a side`` into lists on the API pages.

A Griffe extension, which mkdocs.yml names.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

NAMES = r"(?:``?\w+``?|\w+(?:, \w+)*)"
FIELD = re.compile(rf"^(?P<names>{NAMES})(?P<more>(?: \([^)]*\))?) : ")
NEXT = re.compile(rf"; (?={NAMES}(?: \([^)]*\))? : )")  # several fields in one line


class Fields(Extension):
    """Turn each line ``name : meaning`` into an item of a list."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of ``obj``, if it has one."""
        if obj.docstring:
            obj.docstring.value = listed(obj.docstring.value)


def listed(text: str) -> str:
    """Return ``text`` with its fields as list items; an item ends at a blank line."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        parts = NEXT.split(line) if inside or FIELD.match(line) else [line]
        for part in parts:
            if match := FIELD.match(part):
                lines += [] if inside else [""]
                lines.append(item(match, part))
                inside = True
            else:
                inside = inside and bool(part.strip())
                lines.append(f"  {part}" if inside else part)
    return "\n".join(lines)


def item(match: re.Match[str], line: str) -> str:
    """Return the field ``match`` at the start of ``line`` as an item of a list."""
    names = match["names"].strip("`")
    return f"- **{names}**{match['more']}: {line[match.end() :]}"
