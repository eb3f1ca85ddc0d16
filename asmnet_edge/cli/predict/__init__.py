"""``asmnet-edge predict``: the verb; pictures; videos and cameras."""

from asmnet_edge.cli.predict.verb import command

__all__ = ["command"]
