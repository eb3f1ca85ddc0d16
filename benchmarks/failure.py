"""Text of an error in one part of a run, while the run goes on."""

from __future__ import annotations

from asmnet_edge.errors import AsmnetEdgeError


def failure(error: Exception) -> str:
    """Return the message of ``error``; for errors that are not ours, with its type."""
    message = str(error).strip()
    if isinstance(error, (AsmnetEdgeError, RuntimeError)) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
