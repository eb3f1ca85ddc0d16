"""Models as arguments of commands: a file, or the name of one that comes with the package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from asmnet_edge.errors import ModelError
from asmnet_edge.files import sha256
from asmnet_edge.shipped import SHIPPED_FLOATS, file_or_shipped, shipped


class ModelPath(click.Path):
    """Type of a model argument: a path, or the bare name of a shipped model.

    ``asmnet68-int8.tflite`` is the shipped file unless a file of that name exists.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return file_or_shipped(Path(os.fsdecode(super().convert(value, param, ctx))))


MODEL = ModelPath()


def shipped_origin(artifacts: Sequence[Path]) -> Path:
    """Return the shipped float model that the first of ``artifacts`` was made from.

    The default model when it was made from none of them, or cannot be read: opening it will raise
    the error.
    """
    from asmnet_edge.manifest import read_manifest

    wanted = ""
    with suppress(ModelError):
        wanted = read_manifest(artifacts[0]).source_sha256 if artifacts else ""
    floats = [shipped(name) for name in SHIPPED_FLOATS]
    return next((path for path in floats if sha256(path) == wanted), floats[0])
