"""``asmnet-edge convert``: the verb, its plan, its run and its table."""

from asmnet_edge.cli.convert.verb import command

__all__ = ["command"]
