"""A group of commands, each imported only when it is run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class Verbs(click.Group):
    """A group whose commands are ``command`` in the modules ``asmnet_edge.cli.<prefix><verb>``.

    verbs : name and one line of help for each; ``-`` in a name is ``_`` in its module
    """

    def __init__(self, *words: Any, verbs: Mapping[str, str], prefix: str = "", **options: Any):
        super().__init__(*words, **options)
        self._verbs, self._prefix = verbs, prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._verbs:
            return None
        name = self._prefix + cmd_name.replace("-", "_")
        command: click.Command = importlib.import_module(f"asmnet_edge.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._verbs.items()))
