"""Conversion between JSON and typed values, for benchmark records and their parts.

`from_json` is the one place where the content of a record file is checked: it names the field that
is wrong.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from asmnet_edge.errors import UsageError

T = TypeVar("T")
OMITTED = "left out of the JSON while it is None"
Omittable = Annotated[T | None, OMITTED]


def to_json(value: Any) -> Any:
    """``value`` as JSON types: dataclasses become objects, tuples arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        present = [f for f in fields(value) if not _is_left_out(value, f)]
        return {f.name: to_json(getattr(value, f.name)) for f in present}
    if isinstance(value, Mapping):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(each) for each in value]
    return value


def _is_left_out(value: Any, part: Any) -> bool:
    if getattr(value, part.name) is not None:
        return False
    return OMITTED in getattr(_hints(value.__class__)[part.name], "__metadata__", ())


def from_json(kind: type[T], content: Any, where: str = "") -> T:
    """``content`` of a JSON object as the dataclass ``kind``; unknown keys are ignored.

    `ValueError` names the field that is missing or of another type.
    """
    if not isinstance(content, Mapping):
        raise _wrong(where, "an object", content)
    hints, present = _hints(kind), [f for f in fields(kind) if f.name in content]  # type: ignore[arg-type]
    for part in fields(kind):  # type: ignore[arg-type]
        if part.name not in content and part.default is MISSING and part.default_factory is MISSING:
            raise ValueError(f"{where or kind.__name__} has no {part.name!r}")
    prefix = f"{where}." if where else ""
    values = {f.name: _value(hints[f.name], content[f.name], prefix + f.name) for f in present}
    try:
        return kind(**values)
    except (ValueError, UsageError) as error:
        raise ValueError(f"{where or kind.__name__}: {error}") from error


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _value(arguments[0], value, where)
    if origin in (Union, types.UnionType):
        (inner,) = [each for each in arguments if each is not types.NoneType]
        return None if value is None else _value(inner, value, where)
    if is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value, where)
    if origin is tuple:
        return _array(arguments, value, where)
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        return {k: _value(arguments[1], each, f"{where}.{k}") for k, each in value.items()}
    accepted = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise _wrong(where, NAMES[hint], value)
    return value


NAMES = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}


def _array(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, "an array", value)
    if arguments == (float, ...) and set(map(type, value)) <= {int, float}:
        return tuple(value)  # thousands of samples: checked at once
    if arguments[-1] is ...:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        raise _wrong(where, f"{len(arguments)} values", value)
    pairs = zip(arguments, value, strict=True)
    return tuple(_value(hint, each, f"{where}[{n}]") for n, (hint, each) in enumerate(pairs))


def _wrong(where: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"{where or 'the file'} must be {expected}, got {str(value)[:60]!r}")


# Conversion of earlier record versions to the present schema; what they lack is left out

SCHEMA_VERSION = 2


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return ``content`` in the present schema; `ValueError` for a version that is not known."""
    version = content["schema_version"]
    if version == 1:
        return _from_1(content)
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema version {version} is not known")
    return content


def _from_1(content: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept the samples in one list and had one number of threads for all rows."""
    settings = content["settings"]
    threads = [settings["threads"]] if "threads" in settings else []
    return {
        **content,
        "schema_version": SCHEMA_VERSION,
        "ended": content["taken"],
        "interrupted": False,
        "warnings": [],
        "portraits": [],
        "settings": {**settings, "kind": "quick", "threads": threads, "sustain_seconds": 0},
        "results": [_row_from_1(row) for row in content["results"]],
    }


def _row_from_1(row: dict[str, Any]) -> dict[str, Any]:
    named = {**row, "key": row["name"]}
    if "latency_ms" not in row:
        return named
    latency = dict(row["latency_ms"])
    samples, calls = latency.pop("samples"), latency.pop("warmup_calls", 0)
    latency |= {"rounds": [samples], "intervals": {}, "notes": []}
    latency |= {"throughput": 1e3 / latency["mean"]}
    return {**named, "latency_ms": {**latency, "warm_up": {"calls": calls}}}
