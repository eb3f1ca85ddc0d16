"""``asmnet-edge predict``."""

from asmnet_edge.cli.predict.verb import command

__all__ = ["command"]
