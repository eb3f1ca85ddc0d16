"""A group of commands, each imported only when it is run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click


class Verbs(click.Group):
    """A group whose commands are ``command`` in the modules ``asmnet_edge.cli.<prefix><verb>``.

    verbs : name and one line of help for each; ``-`` in a name is ``_`` in its module
    modules : for verbs that share a module, its name; there the command has the verb's name
    """

    def __init__(
        self,
        *words: Any,
        verbs: Mapping[str, str],
        prefix: str = "",
        modules: Mapping[str, str] = MappingProxyType({}),
        **options: Any,
    ):
        super().__init__(*words, **options)
        self._verbs, self._prefix, self._modules = verbs, prefix, modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._verbs:
            return None
        verb = cmd_name.replace("-", "_")
        shared = self._modules.get(cmd_name)
        module = importlib.import_module(f"asmnet_edge.cli.{shared or self._prefix + verb}")
        command: click.Command = getattr(module, verb if shared else "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._verbs.items()))
