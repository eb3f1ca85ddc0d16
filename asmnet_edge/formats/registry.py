"""The registry: every list of formats, suffixes and runtimes in the program is derived from it.

A format is one `FormatSpec`, and one line that registers it:

* in this package, a line in `BUILT_IN`;
* in another package, an entry point, in its ``pyproject.toml``::

      [project.entry-points."asmnet_edge.formats"]
      toy = "toy_format:SPEC"

Entry points are read from the installed packages on ``sys.path``. Child processes of a conversion
or benchmark have the same ``sys.path``, so they know the same formats. Built-in formats are looked
up first: predictions in these formats never read an entry point. tests/toy_format is an example
of a whole format.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.formats.builtin import ONNX, OPENVINO, TFLITE
from asmnet_edge.formats.spec import RESERVED, FormatSpec, Runtime

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILT_IN: tuple[FormatSpec, ...] = (TFLITE, ONNX, OPENVINO)
ENTRY_POINTS = "asmnet_edge.formats"
FLOAT_SUFFIX = ".keras"  # of float models, which formats are converted from


@cache
def all_formats() -> tuple[FormatSpec, ...]:
    """All formats: the built-in ones, then those of other packages by name.

    `UsageError` when a package registers an invalid format.
    """
    found = list(BUILT_IN)
    for spec in _plug_ins():
        _refuse_clash(spec, found)
        found.append(spec)
    return tuple(found)


def _plug_ins() -> list[FormatSpec]:
    from importlib.metadata import entry_points  # takes 50 ms to import

    points = {(point.name, point.value): point for point in entry_points(group=ENTRY_POINTS)}
    return [_load(points[key]) for key in sorted(points)]


def _load(point: EntryPoint) -> FormatSpec:
    name, value, cure = point.name, point.value, "Update or uninstall the package that registers it"
    try:
        spec = point.load()
    except Exception as error:  # code of others may raise anything
        reason = str(error) or type(error).__name__
        raise UsageError(f"the format {name} ({value}) cannot be loaded: {reason}", cure) from error
    if not isinstance(spec, FormatSpec):
        raise UsageError(f"the format {name}: {value} is no FormatSpec but {spec!r}", cure)
    return spec


def _refuse_clash(spec: FormatSpec, others: list[FormatSpec]) -> None:
    for other in others:
        shared = {spec.suffix, *spec.companions} & {other.suffix, *other.companions}
        if spec.name == other.name or shared:
            raise UsageError(
                f"the formats {other.name} ({other.suffix}) and {spec.name} ({spec.suffix}) clash",
                f"Uninstall the package that registers {spec.exporter}",
            )


def format_names() -> tuple[str, ...]:
    """Names of all formats, as ``asmnet-edge convert`` takes them."""
    return tuple(spec.name for spec in all_formats())


def suffixes() -> tuple[str, ...]:
    """Suffixes of the artifacts of all formats, each with its dot."""
    return tuple(spec.suffix for spec in all_formats())


def format_named(name: str) -> FormatSpec:
    """Return the format called ``name``; `UsageError` lists the known ones."""
    if spec := _first(lambda spec: spec.name == name):
        return spec
    raise UsageError(f"no format is called {name!r}", f"Known: {', '.join(format_names())}")


def find_format(path: Path) -> FormatSpec | None:
    """Return the format of an artifact named like ``path``, by its suffix; None if there is none.

    ``path`` need not exist. A companion, such as IR's ``.bin``, is no artifact.
    """
    if not path.suffix or path.suffix in RESERVED:
        return None
    return _first(lambda spec: spec.suffix == path.suffix)


def _first(matches: Callable[[FormatSpec], bool]) -> FormatSpec | None:
    """The first match; entry points are only read when no built-in format matches."""
    return next(filter(matches, BUILT_IN), None) or next(filter(matches, all_formats()), None)


def format_of(path: Path) -> FormatSpec:
    """Return the format of an artifact named like ``path``; `ModelError` lists the suffixes."""
    if spec := find_format(path):
        return spec
    raise ModelError(
        f"{path} is not an artifact that can be run", f"Known: {', '.join(suffixes())}"
    )


def runtimes_of(path: Path) -> tuple[Runtime, ...]:
    """Runtimes of the artifact at ``path``, the usual one first; none for other files."""
    spec = find_format(path)
    return spec.runtimes if spec else ()


def all_runtimes() -> tuple[Runtime, ...]:
    """The runtimes of all formats, each once, in the order of the formats."""
    return tuple(dict.fromkeys(runtime for spec in all_formats() for runtime in spec.runtimes))


def suffixes_of(runtime: Runtime) -> tuple[str, ...]:
    """Suffixes that ``runtime`` runs; first of the formats that it is the usual runtime of."""
    found = [spec for spec in all_formats() if runtime in spec.runtimes]
    found.sort(key=lambda spec: spec.runtimes[0] != runtime)
    return tuple(spec.suffix for spec in found)
