"""What is said of something that went wrong in a part of a run, while the run goes on."""

from __future__ import annotations

from asmnet_edge.errors import AsmnetEdgeError


def failure(error: Exception) -> str:
    """Our own errors speak for themselves; others need their kind said."""
    told = str(error).strip()
    if isinstance(error, (AsmnetEdgeError, RuntimeError)) and told:
        return told
    return f"{type(error).__name__}: {told}" if told else type(error).__name__
