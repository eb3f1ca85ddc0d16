"""Registries: tables of objects by name, each of which is imported only when it is used.

A registry is light to import, so that ``--help`` can list its names; the code behind an entry may
need NumPy, OpenCV or more. To add a thing, write its module and add one `Entry` to its registry.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from asmnet_edge.errors import UsageError


@dataclass(frozen=True)
class Entry:
    """One line of a `Registry`.

    name : word that users type; module, attribute : place of the object; help : a phrase for people
    argument : description of an argument after the name, such as DIR or COUNT, if it takes one
    """

    name: str
    module: str
    attribute: str
    help: str
    argument: str = ""

    def load(self) -> Any:
        """Import and return the object."""
        return getattr(importlib.import_module(self.module), self.attribute)


class Registry(Mapping[str, Entry]):
    """Entries by name, in the order in which they are listed for people.

    what : a phrase for the kind of the entries, used in errors
    """

    def __init__(self, what: str, *entries: Entry) -> None:
        self.what = what
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Add ``entry``; `ValueError` when its name is taken."""
        if entry.name in self._entries:
            raise ValueError(f"there are two entries {entry.name!r} for {self.what}")
        self._entries[entry.name] = entry

    def remove(self, name: str) -> None:
        """Remove the entry ``name``, such as one that a test added."""
        del self._entries[name]

    def load(self, name: str) -> Any:
        """Import and return the object ``name``; `UsageError` lists the known names."""
        if name not in self._entries:
            raise UsageError(f"no {self.what} {name!r}", f"Known: {', '.join(self._entries)}")
        return self._entries[name].load()

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
