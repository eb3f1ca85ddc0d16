"""Parts of a benchmark record as typed values.

docs/benchmark-record.schema.json describes the same fields for other programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asmnet_edge.benchmarks.cases import LatencyPlan
from asmnet_edge.benchmarks.machine import DeviceInfo
from asmnet_edge.benchmarks.record_json import Omittable
from asmnet_edge.datasets.sample import Missing

Interval = tuple[float, float]  # 95 %, low and high
Point = tuple[float, float]  # x, y


# what is measured


@dataclass(frozen=True)
class WarmUp:
    """Calls made before measuring.

    seconds : 0 in records that do not have it; steady : whether latency had settled, None if there
    were too few calls to know, True in records that do not have it
    """

    calls: int
    seconds: float = 0.0
    steady: bool | None = True


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
    errors : NME of each face in %; other_metrics : those that are registered without a field here
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
    other_metrics: Omittable[Mapping[str, float]] = None


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
    """Facts about a model besides measurements; None where they are not known.

    bytes : of its files; operators : counts, ``total`` and ``int8``; foreign : a network of others,
    described by a TOML file; pose : where a foreign network's pose is from
    sha256 : of the file, files_sha256 : of all files of the model, source_sha256 : of its float
    model
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
    sha256: Omittable[str] = None
    files_sha256: Omittable[str] = None
    source_sha256: Omittable[str] = None


@dataclass(frozen=True, kw_only=True)
class CaseResult(ModelDescription):
    """One row of a record: a model, its identity and its results; None for what was not measured.

    key : name of the row in this and other records; file : without folders; cpus : cores that the
    process was pinned to, empty for any; compared : made from the run's float model; error : why
    the case failed; unsteady : reasons to distrust the latency
    """

    key: str
    file: Omittable[str] = None
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
    def latency(self) -> LatencyResult:
        """The latency; `ValueError` where it was not measured."""
        if self.latency_ms is None:
            raise ValueError(f"{self.key} has no latency")
        return self.latency_ms

    @property
    def figures(self) -> AccuracyResult:
        """The accuracy; without any figure where it was not measured."""
        return self.accuracy or AccuracyResult()

    @property
    def file_name(self) -> str:
        """Name of the file; of the model in records from before they had it."""
        return self.file or self.name

    @property
    def descends_from_float_model(self) -> bool:
        """Whether accuracy drops are given for it; true in records that lack the field."""
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

    @property
    def are_drawn(self) -> bool:
        """Whether the faces are drawn; early records show it by the data set's name alone."""
        return self.on.startswith("synthetic ") if self.drawn is None else self.drawn


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Options of a run.

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
    """The whole record, as `BenchmarkRecord.typed` gives it.

    taken, ended : ISO times, UTC; load_average : of the last minute before the run
    """

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

    @property
    def measured(self) -> tuple[CaseResult, ...]:
        """The rows that have a latency."""
        return tuple(case for case in self.results if case.latency_ms)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The rows that could not be measured, or not wholly."""
        return tuple(case for case in self.results if case.error is not None)
