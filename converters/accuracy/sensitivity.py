"""Which part of the network eight bits cost most: each block or layer, alone in them or spared.

Judged by what the network is for, landmarks, and not by the error of its tensors. Simulated in the
folded graph (`asmnet_edge.converters.accuracy.simulation`), so it holds for all formats; costs are
those of the worse arithmetic, with or without saturation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from asmnet_edge.converters.accuracy.faces import Faces, Score, worse
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.landmarks import FloatArray

PARTS = ("block", "layer")


@dataclass(frozen=True)
class Row:
    """One block or layer.

    alone : the cost when nothing else is in eight bits; spared : when all else is; gain : by how
    much the deviation falls when it is spared; multiply_adds : its share of all, 0 to 1
    """

    name: str
    operators: tuple[str, ...]
    alone: Score
    spared: Score
    gain: float
    multiply_adds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "operators": list(self.operators),
            "alone": self.alone.as_json(),
            "spared": self.spared.as_json(),
            "gain": round(self.gain, 4),
            "multiply_adds": round(self.multiply_adds, 5),
        }


@dataclass(frozen=True)
class Judge:
    """Scores sets of int8 operators of one simulation on one set of faces."""

    simulation: Simulation
    faces: Faces

    @cached_property
    def reference(self) -> FloatArray:
        """The float model's landmarks: of the model given, even where the graph was repaired."""
        return self.simulation.model.predict(self.faces.crops)[0]

    def score(self, in_int8: Collection[str]) -> Score:
        """In the worse arithmetic, exact or saturating."""
        exact = self.score_in(in_int8, saturating=False)
        if not self.simulation.saturates(in_int8):
            return exact
        return worse(exact, self.score_in(in_int8, saturating=True))

    def score_in(self, in_int8: Collection[str], saturating: bool) -> Score:
        """In exact or in ``saturating`` arithmetic."""
        landmarks, _ = self.simulation.outputs(self.faces.crops, in_int8, saturating)
        return self.faces.score(landmarks, self.reference)


def sensitivity(
    judge: Judge, part: str = "block", tick: Callable[[], None] = lambda: None
) -> tuple[Score, list[Row]]:
    """The cost of the whole body in eight bits, and a row for each ``part`` of the network.

    The heads, float by design, are a part too: their row says what they would cost in int8.
    ``tick`` is called after each part.
    """
    whole = judge.score(judge.simulation.body)
    rows = []
    for name, operators in parts(judge.simulation, part).items():
        rows.append(_row(judge, name, operators, whole))
        tick()
    return whole, rows


def parts(simulation: Simulation, part: str) -> Mapping[str, tuple[str, ...]]:
    """Operators of each block, or each operator for itself, by name."""
    if part == "block":
        return simulation.blocks
    return {name: (name,) for name in simulation.operators}


def _row(judge: Judge, name: str, operators: tuple[str, ...], whole: Score) -> Row:
    body = judge.simulation.body
    alone = judge.score(frozenset(operators))
    if body & set(operators):
        spared, reference = judge.score(body - set(operators)), whole
    else:  # a head: spared as it is
        spared, reference = whole, judge.score(body | set(operators))
    gain = reference.deviation - spared.deviation
    return Row(
        name, operators, alone, spared, gain, judge.simulation.share_of_multiply_adds(operators)
    )
