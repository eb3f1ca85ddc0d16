"""Models as arguments of commands: a file, or the name of one that comes with the package."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from asmnet_edge.io.files import file_or_shipped


class ModelPath(click.Path):
    """Type of a model argument: a path, or the bare name of a shipped model.

    ``asmnet68-int8.tflite`` is the shipped file unless a file of that name exists.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return file_or_shipped(Path(os.fsdecode(super().convert(value, param, ctx))))


MODEL = ModelPath()
