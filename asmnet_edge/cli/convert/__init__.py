"""``asmnet-edge convert``: the verb, its progress and its tables."""

from asmnet_edge.cli.convert.verb import command

__all__ = ["command"]
