"""What a run is asked for, and its rows while they are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.latency.figures import Latency
from asmnet_edge.benchmarks.latency.loop import Taken
from asmnet_edge.benchmarks.latency.plan import QUICK, LatencyPlan
from asmnet_edge.benchmarks.latency.sustain import tired
from asmnet_edge.benchmarks.latency.watch import unsteady
from asmnet_edge.benchmarks.rows.local import Row
from asmnet_edge.benchmarks.rows.order import FLOAT_SUFFIX, RowOrder
from asmnet_edge.errors import AsmnetEdgeError, UsageError


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to measure.

    orders : the rows; sustain : seconds of endurance; pictures : keep the faces that int8 moved
    most
    """

    orders: tuple[RowOrder, ...]
    latency: LatencyPlan = QUICK
    sustain: float = 0.0
    pictures: bool = False
    kind: str = "quick"


@dataclass
class Measured:
    """One row: what it is and what has been measured of it; ``row`` None: it did not open."""

    order: RowOrder
    row: Row | None
    facts: dict[str, Any]
    taken: Taken = field(default_factory=Taken)
    more: dict[str, Any] = field(default_factory=dict)
    outputs: Outputs | None = None

    def __post_init__(self) -> None:
        self.taken.cpus = self.order.cpus

    @property
    def alive(self) -> bool:
        return self.row is not None and self.taken.error is None

    def as_json(self) -> dict[str, Any]:
        latency = self.taken.latency
        if self.row is None or latency is None:
            error = self.facts.get("error") or self.taken.error
            return {**self.facts, "error": error or "interrupted before it was measured"}
        warmed = asdict(self.taken.warm_up) if self.taken.warm_up else None
        failed = {"error": self.taken.error} if self.taken.error else {}
        return {
            **self.facts,
            **failed,
            "latency_ms": {
                **latency.as_json(),
                "lead_in": [[round(s, 4) for s in turn.lead_in] for turn in self.taken.turns],
                "warm_up": warmed,
                "notes": self.taken.notes,
            },
            "unsteady": self._doubts(latency),
            **self.more,
        }

    def _doubts(self, latency: Latency) -> list[str]:
        warmed = self.taken.warm_up
        doubts = unsteady(latency, self.taken.notes, self.facts.get("threads"))
        if warmed and warmed.steady is False:
            doubts.append(f"not steady after {warmed.seconds:.0f} s of warming up")
        return doubts + (tired(self.more["sustained"]) if "sustained" in self.more else [])


def opened(
    orders: Sequence[RowOrder], rows: Sequence[Any], tick: Callable[[], None]
) -> list[Measured]:
    """`Measured` for each row, its model loaded; one that does not load is a failed row."""
    found = []
    for order, row in zip(orders, rows, strict=True):
        try:
            row.opened()
            found.append(Measured(order, row, dict(row.facts)))
        except AsmnetEdgeError as error:
            name = {"name": order.path.name, "key": order.key}
            found.append(Measured(order, None, {**name, "error": str(error)}))
        tick()
    check_source(found)
    return found


def check_source(found: Sequence[Measured]) -> None:
    """A drop against another float model than an artifact's own would mean nothing."""
    model = _first(found, _is_float_model)
    for each in found:
        if model and each.row and each.order.compared and not are_kin(each, model):
            raise UsageError(
                f"{each.order.path.name} was not made from {model.order.path.name}",
                "Give --float-model the file it was converted from, or the artifact to --beside",
            )


def reference_of(found: Sequence[Measured]) -> Measured | None:
    """What drops are against: the float model or, where that is not or broke, its float32 artifact.

    A row that broke after its outputs were taken still serves.
    """
    return _first(found, _is_float_model) or _first(found, _is_float_artifact)


def are_kin(one: Measured, other: Measured) -> bool:
    """Whether both were made from the same float model."""
    return bool(one.row and other.row and one.row.source_sha256 == other.row.source_sha256)


def references_first(found: Sequence[Measured]) -> list[Measured]:
    """``found`` in the order in which `reference_of` would choose."""
    return sorted(found, key=lambda each: (not _is_float_model(each), not _is_float_artifact(each)))


def _is_float_model(each: Measured) -> bool:
    return each.order.path.suffix == FLOAT_SUFFIX


def _is_float_artifact(each: Measured) -> bool:
    return each.facts.get("precision") == "float32"


def _first(found: Sequence[Measured], fits: Callable[[Measured], bool]) -> Measured | None:
    there = (m for m in found if m.alive or m.outputs is not None)
    return next((m for m in there if m.order.compared and fits(m)), None)
