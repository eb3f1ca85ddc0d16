"""The parts of a benchmark record as typed values, and their conversion from and to JSON.

`from_json` is the one place where the content of a record file is checked: it names the field that
is wrong. docs/benchmark-record.schema.json describes the same fields for other programs.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from asmnet_edge.benchmarks.device.info import DeviceInfo
from asmnet_edge.benchmarks.latency.plan import LatencyPlan
from asmnet_edge.data.sample import Missing
from asmnet_edge.errors import UsageError

T = TypeVar("T")
Interval = tuple[float, float]  # 95 %, low and high
Point = tuple[float, float]  # x, y
OMITTED = "left out of the JSON while it is None"
Omittable = Annotated[T | None, OMITTED]


# what is measured


@dataclass(frozen=True)
class WarmUp:
    """Calls made before measuring.

    seconds : 0 in records that do not have it; steady : whether latency had settled, None if there
    were too few calls to know
    """

    calls: int
    seconds: float = 0.0
    steady: bool | None = None


@dataclass(frozen=True, kw_only=True)
class RoundNote:
    """State of the machine during one round; None where the system does not report it.

    seconds, cpu_seconds : wall and processor time of the round; others_cores, stolen_cores : cores
    that other processes and a virtual machine's host used; slowed : throttle flags of this round;
    yardstick_ms : reference workload, timed beside the round
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    preemptions: int = 0
    others_cores: float | None = None
    stolen_cores: float | None = None
    mhz: float | None = None
    celsius_before: float | None = None
    celsius: float | None = None
    throttled: int | None = None
    slowed: int | None = None
    yardstick_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class SustainedPoint(RoundNote):
    """One point of a sustained latency curve.

    at : seconds since its start; p50, p90 : ms of its ``calls``
    """

    at: float
    p50: float
    p90: float | None = None
    calls: int | None = None


@dataclass(frozen=True, kw_only=True)
class LatencyResult:
    """Latency of one case in ms.

    throughput : calls a second, one after the other; intervals : 95 %, by figure; rounds : every
    sample in order; lead_in : calls before each round, in no figure
    """

    p10: Omittable[float] = None
    p50: float
    p90: float
    p99: float
    mean: float
    throughput: float
    intervals: Mapping[str, Interval]
    calls: int
    rounds: tuple[tuple[float, ...], ...]
    lead_in: Omittable[tuple[tuple[float, ...], ...]] = None
    warm_up: WarmUp | None = None
    notes: tuple[RoundNote, ...] = ()

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("no samples: rounds is empty")


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """Milliseconds of one stage between an encoded picture and its landmarks."""

    p50: float
    p90: float
    calls: Omittable[int] = None
    samples: Omittable[tuple[float, ...]] = None


@dataclass(frozen=True)
class PictureFacts:
    """The picture that the stages are timed on: pixels and bytes of the JPEG."""

    width: int
    height: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """A fresh process from its start to the first landmark: medians in ms, memory, packages.

    installed_bytes : of all imported ``packages``; samples : the parts of each start
    """

    python_ms: Omittable[float] = None
    import_ms: Omittable[float] = None
    load_ms: Omittable[float] = None
    first_ms: Omittable[float] = None
    total_ms: float
    peak_rss_mib: float | None
    samples: tuple[Mapping[str, float], ...] = ()
    installed_bytes: int
    packages: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RegionDeviation:
    """Mean deviation of one facial region: % of the inter-ocular distance, pixels of the crop."""

    iod_percent: float
    pixels: float


@dataclass(frozen=True)
class Jitter:
    """RMS jitter of landmarks, % of the inter-ocular distance; see `accuracy.jitter`."""

    still_iod_percent: float
    moving_iod_percent: float
    faces: Omittable[int] = None
    frames: Omittable[int] = None


@dataclass(frozen=True, kw_only=True)
class AccuracyResult:
    """Accuracy of one case; None where there are no annotations or no float model to compare with.

    NME, drop and deviation in %, pose in degrees by axis, failure rate and AUC as fractions;
    errors : NME of each face in %
    """

    faces: Omittable[int] = None
    on: Omittable[str] = None
    nme: float | None = None
    nme_interval: Interval | None = None
    nme_by_region: Mapping[str, float] | None = None
    nme_drop: float | None = None
    nme_drop_interval: Interval | None = None
    failure_rate: float | None = None
    auc: float | None = None
    deviation_iod_percent: float | None = None
    deviation_pixels: float | None = None
    deviation_by_region: Mapping[str, RegionDeviation] | None = None
    pose_mae: Mapping[str, float] | None = None
    pose_mae_drop: Mapping[str, float] | None = None
    pose_mae_drop_interval: Mapping[str, Interval] | None = None
    pose_truth: str | None = None
    errors: tuple[float, ...] | None = None
    jitter: Omittable[Jitter] = None


@dataclass(frozen=True, kw_only=True)
class SustainedResult:
    """Latency over many minutes: the first minute's p50 in ms against the last one's.

    compared_seconds : length of the two parts; cooled_seconds : waited before, for the machine to
    cool; slower : by more than is normal
    """

    seconds: float
    compared_seconds: Omittable[float] = None
    start_celsius: float | None = None
    first_p50: float
    last_p50: float
    change_percent: float
    slower: bool = False
    points: tuple[SustainedPoint, ...]
    cooled_seconds: Omittable[float] = None


# cases


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """What a record says about a model besides measurements; None where it is not known.

    bytes : of its files; operators : counts, ``total`` and ``int8``; foreign : a network of others,
    described by a TOML file; pose : where a foreign network's pose is from
    """

    name: str
    format: Omittable[str] = None
    precision: Omittable[str] = None
    runtime: Omittable[str] = None
    bytes: Omittable[int] = None
    parameters: Omittable[int] = None
    multiply_adds: Omittable[int] = None
    operators: Omittable[Mapping[str, int]] = None
    threads: Omittable[int] = None
    foreign: Omittable[bool] = None
    licence: Omittable[str] = None
    pose: Omittable[str] = None


@dataclass(frozen=True, kw_only=True)
class CaseResult(ModelDescription):
    """One row of a record: a model, its identity and what was measured; None: was not measured.

    key : name of the row in this and other records; file : without folders; sha256 : of that file,
    files_sha256 : of all files of the model, source_sha256 : of its float model; cpus : cores that
    the process was pinned to, empty for any; compared : made from the run's float model; error :
    why the case failed; unsteady : reasons to distrust the latency
    """

    key: str
    file: Omittable[str] = None
    sha256: Omittable[str] = None
    files_sha256: Omittable[str] = None
    source_sha256: Omittable[str] = None
    cpus: Omittable[tuple[int, ...]] = None
    compared: Omittable[bool] = None
    error: Omittable[str] = None
    latency_ms: Omittable[LatencyResult] = None
    unsteady: Omittable[tuple[str, ...]] = None
    accuracy: Omittable[AccuracyResult] = None
    stages_ms: Omittable[Mapping[str, StageResult]] = None
    stages_picture: Omittable[PictureFacts] = None
    cold_start: Omittable[ColdStart] = None
    sustained: Omittable[SustainedResult] = None

    @property
    def descends_from_float_model(self) -> bool:
        """Whether accuracy drops are given for it; true in records that do not say otherwise."""
        return self.compared is not False


# settings


@dataclass(frozen=True)
class CropFacts:
    """Crop rule of the faces: margin as a factor, size in pixels."""

    margin: float
    size: int


@dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """The faces that accuracy was measured on.

    on : data set and subset; drawn : no photos, None in records from before that field; missing :
    parts that this copy of the data set lacks; failure_threshold : NME as a fraction;
    annotations_sha256 : the same on every machine, sha256 : of crops and annotations
    """

    count: int
    on: str
    drawn: Omittable[bool] = None
    missing: tuple[Missing, ...] = ()
    failure_threshold: Omittable[float] = None
    scheme: Omittable[str] = None
    crop: Omittable[CropFacts] = None
    sha256: Omittable[str] = None
    annotations_sha256: Omittable[str] = None


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What a run was asked for.

    kind : quick or rigorous; threads : counts that occur; reference : file that accuracy drops are
    measured against
    """

    kind: str = "quick"
    threads: tuple[int, ...] = ()
    latency: LatencyPlan = field(default_factory=LatencyPlan)
    sustain_seconds: float = 0.0
    faces: FaceSettings
    reference: str | None = None


@dataclass(frozen=True)
class Portrait:
    """A face that an artifact moved: JPEG of the crop in base64, both models' points (n, 2)."""

    row: str
    face: int
    deviation_iod_percent: float
    jpeg: str
    landmarks: tuple[Point, ...]
    reference: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class RecordContent:
    """The whole record, as `BenchmarkRecord.typed` gives it."""

    schema_version: int
    asmnet_edge: str | None = None
    taken: str
    ended: str | None = None
    interrupted: bool = False
    device: DeviceInfo
    load_average: float | None = None
    warnings: tuple[str, ...] = ()
    settings: RunSettings
    results: tuple[CaseResult, ...] = ()
    portraits: tuple[Portrait, ...] = ()


# JSON


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
    return OMITTED in getattr(_hints(type(value))[part.name], "__metadata__", ())


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
