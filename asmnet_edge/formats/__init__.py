"""The one registry of model formats; see `asmnet_edge.formats.registry` for how to add one."""

from asmnet_edge.formats.registry import (
    FLOAT_SUFFIX,
    all_formats,
    all_runtimes,
    find_format,
    format_named,
    format_names,
    format_of,
    runtimes_of,
    suffixes,
    suffixes_of,
)
from asmnet_edge.formats.spec import (
    CALIBRATED,
    USUAL_PRECISIONS,
    FormatSpec,
    Precision,
    Runtime,
    resolve,
)

__all__ = [
    "CALIBRATED",
    "FLOAT_SUFFIX",
    "USUAL_PRECISIONS",
    "FormatSpec",
    "Precision",
    "Runtime",
    "all_formats",
    "all_runtimes",
    "find_format",
    "format_named",
    "format_names",
    "format_of",
    "resolve",
    "runtimes_of",
    "suffixes",
    "suffixes_of",
]
