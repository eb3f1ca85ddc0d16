"""A model on the command line: a file, or one that comes with the package, by its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from asmnet_edge.shipped import file_or_shipped


class ModelPath(click.Path):
    """A model's path; ``asmnet68-int8.tflite`` is the package's where no such file lies here."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return file_or_shipped(Path(os.fsdecode(super().convert(value, param, ctx))))


MODEL = ModelPath()
