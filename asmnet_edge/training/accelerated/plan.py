"""Plan of a session on a GPU: a TOML file as frozen values. docs/gpu-training.md describes it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from asmnet_edge.errors import UsageError
from asmnet_edge.training.accelerated.fitting import Fit
from asmnet_edge.training.accelerated.views import ViewSettings

LOSS_KEYS = ("distance", "pose_weight", "taught", "half")  # of `student_loss`
CURE = "See docs/gpu-training.md"
Shares = Mapping[str, Sequence[float]]  # first and last weight of each bank, by its name
Options = TypeVar("Options")


@dataclass(frozen=True)
class DataOptions:
    """Faces of a session.

    train, validate : files of packs by name, relative to the plan; turn : names of packs whose
    heads are turned; views : turned pictures of each face; drawn, drawn_validate : number of faces
    """

    train: Mapping[str, str]
    validate: Mapping[str, str]
    turn: Sequence[str]
    views: int
    drawn: int
    drawn_validate: int


@dataclass(frozen=True)
class SpeedOptions:
    """Measurement of the speed.

    batch : faces a step; seconds : for each, after the first steps, which are reported separately
    students : pairs of crop size and whether the network is compiled
    """

    batch: int
    seconds: float
    students: Sequence[tuple[int, bool]]


@dataclass(frozen=True)
class TeacherOptions:
    """A teacher, trained by ``fit`` or read from the folder ``load``.

    size : of the crops that it labels, pixels; labels : names of banks that it labels; replaces :
    those of which its labels replace the annotations; width : of its first maps, channels
    """

    size: int
    labels: Sequence[str]
    fit: Fit | None = None
    shares: Shares = field(default_factory=dict)
    replaces: Sequence[str] = ()
    width: int = 64
    load: str = ""

    def __post_init__(self) -> None:
        if not self.load and (self.fit is None or not self.shares):
            raise UsageError("the teacher needs batch, seconds, rate and shares, or load", CURE)


@dataclass(frozen=True)
class StudentOptions:
    """A student.

    start : file of weights to start from, relative to the output or the plan; "": random weights
    alpha, frozen, fixed_norms : as in `AsmNet`; loss : options of `student_loss` that are given
    """

    name: str
    fit: Fit
    shares: Shares
    start: str = ""
    alpha: float = 1.0
    frozen: int = 0
    fixed_norms: bool = False
    loss: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A session.

    pixels : side of the faces in memory; start : file of weights, relative to the plan, whose
    training units all networks have
    """

    pixels: int
    start: str
    data: DataOptions
    check: SpeedOptions | None = None
    teacher: TeacherOptions | None = None
    students: tuple[StudentOptions, ...] = ()


def read_plan(path: Path) -> Plan:
    """Return the plan at ``path``; `UsageError` when it is not TOML, lacks a part or has others."""
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read the plan {path}: {error}") from error
    if missing := [key for key in ("pixels", "start", "data") if key not in content]:
        raise UsageError(f"the plan {path} has no {missing[0]!r}", CURE)
    return parse_plan(content)


def parse_plan(content: Mapping[str, Any]) -> Plan:
    """Return the plan of parsed TOML; `UsageError` names a part or setting that is wrong."""
    parts = dict(content)
    students = parts.pop("student", ())
    parts["data"] = _options(DataOptions, "[data]", parts["data"])
    if "check" in parts:
        parts["check"] = _options(SpeedOptions, "[check]", parts["check"])
    if "teacher" in parts:
        parts["teacher"] = _teacher(parts["teacher"])
    parts["students"] = tuple(_student(settings) for settings in students)
    return _options(Plan, "the plan", parts)


def _teacher(settings: Mapping[str, Any]) -> TeacherOptions:
    fit, others = _split(TeacherOptions, settings, "[teacher]", optional="load" in settings)
    size = {"size": settings["size"]} if "size" in settings else {}
    return _options(TeacherOptions, "[teacher]", {**others, **size, "fit": fit})


def _student(settings: Mapping[str, Any]) -> StudentOptions:
    fit, others = _split(StudentOptions, settings, "[[student]]", known=LOSS_KEYS)
    loss = {key: others.pop(key) for key in LOSS_KEYS if key in others}
    return _options(StudentOptions, "[[student]]", {**others, "fit": fit, "loss": loss})


def _split(
    kind: type[Any],
    settings: Mapping[str, Any],
    where: str,
    known: Sequence[str] = (),
    optional: bool = False,
) -> tuple[Fit | None, dict[str, Any]]:
    """The `Fit` in ``settings``, None if it is ``optional`` and absent; and the other settings.

    `UsageError` for settings that are not of `Fit`, ``kind`` or ``known``.
    """
    others = dict(settings)
    accepted = [name for name in _names(kind) if name not in ("fit", "loss")]
    _check_names([*accepted, *_names(Fit), *known], where, settings)
    given = {name: others.pop(name) for name in _names(Fit) if name in others}
    if optional and "seconds" not in given:
        return None, others
    views = _options(ViewSettings, "views", given.pop("views", {}))
    last = given.pop("last_views", {})
    _check_names(_names(ViewSettings), "last_views", last)
    given |= {"views": views, "last_views": replace(views, **last)}
    return _options(Fit, where, given), others


def _options(kind: type[Options], where: str, settings: Mapping[str, Any]) -> Options:
    """``settings`` as a dataclass; `UsageError` for those that are unknown or absent."""
    _check_names(_names(kind), where, settings)
    try:
        return kind(**settings)
    except TypeError as error:
        raise UsageError(f"{where} is not complete: {error}", CURE) from error


def _check_names(known: Sequence[str], where: str, settings: Mapping[str, Any]) -> None:
    if unknown := [name for name in settings if name not in known]:
        raise UsageError(f"{where} has no setting {unknown[0]!r}", f"Known: {', '.join(known)}")


def _names(kind: type[Any]) -> list[str]:
    return [f.name for f in fields(kind)]
