"""Sensitivity: cost of int8 in each block or layer, alone in int8 and alone in float.

Costs are errors of landmarks, not of tensors. They are simulated in the folded graph (module
`asmnet_edge.converters.accuracy.simulation`), so that they hold for all formats, and those of the
worse arithmetic, with or without saturation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from asmnet_edge.converters.accuracy.scores import Score, score, worse
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.display import new_figure, save_figure

PARTS = ("block", "layer")
MAX_ROWS = 40  # that are legible in one figure


@dataclass(frozen=True)
class Row:
    """Sensitivity of one block or layer.

    alone : score with only this part in int8; spared : with only this part in float
    gain : decrease of the deviation in % by keeping this part in float
    multiply_adds : share of this part in all, 0 to 1
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
    """Scorer of sets of int8 operators of one simulation on one set of faces."""

    simulation: Simulation
    faces: AnnotatedCrops

    @cached_property
    def reference(self) -> FloatArray:
        """Landmarks (N, n, 2) of the float model as given, even if the graph was repaired."""
        return self.simulation.model.predict(self.faces.crops)[0]

    def score(self, in_int8: Collection[str]) -> Score:
        """Score operators ``in_int8`` in the worse arithmetic, exact or saturating."""
        exact = self.score_in(in_int8, saturating=False)
        if not self.simulation.saturates(in_int8):
            return exact
        return worse(exact, self.score_in(in_int8, saturating=True))

    def score_in(self, in_int8: Collection[str], saturating: bool) -> Score:
        """Score operators ``in_int8`` in exact or in ``saturating`` arithmetic."""
        landmarks, _ = self.simulation.outputs(self.faces.crops, in_int8, saturating)
        return score(self.faces, landmarks, self.reference)


def sensitivity(
    judge: Judge, part: str = "block", tick: Callable[[], None] = lambda: None
) -> tuple[Score, list[Row]]:
    """Return the score of the whole body in int8, and a row for each ``part`` of the network.

    part : "block" or "layer"; tick : called after each part. The heads, float by design, have a
    row as well, with the cost of int8 in them.
    """
    whole = judge.score(judge.simulation.body)
    rows = []
    for name, operators in parts(judge.simulation, part).items():
        rows.append(_row(judge, name, operators, whole))
        tick()
    return whole, rows


def parts(simulation: Simulation, part: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names of operators of each block, or of each layer, by name of the part."""
    if part == "block":
        return simulation.blocks
    return {name: (name,) for name in simulation.operators}


def _row(judge: Judge, name: str, operators: tuple[str, ...], whole: Score) -> Row:
    body = judge.simulation.body
    alone = judge.score(frozenset(operators))
    if body & set(operators):
        spared, reference = judge.score(body - set(operators)), whole
    else:  # a head is in float already
        spared, reference = whole, judge.score(body | set(operators))
    gain = reference.deviation - spared.deviation
    return Row(
        name, operators, alone, spared, gain, judge.simulation.share_of_multiply_adds(operators)
    )


def save_sensitivity(rows: Sequence[Row], path: Path) -> None:
    """Write a bar chart of ``rows`` to ``path``: cost alone in int8, gain alone in float."""
    shown = costliest(rows)
    height = 1.2 + 0.22 * len(shown)
    figure, axes = new_figure(1, 2, (9.0, height))
    places, names = range(len(shown)), [row.name for row in shown]
    axes[0].barh(places, [row.alone.deviation for row in shown], color="tab:blue")
    axes[1].barh(places, [row.gain for row in shown], color="tab:green")
    axes[0].set_xlabel("deviation when alone in int8, %")
    axes[1].set_xlabel("deviation gained when alone in float, %")
    for axis in axes:
        axis.set_yticks(places, names, fontsize=8)
        axis.invert_yaxis()
    save_figure(figure, path)


def costliest(rows: Sequence[Row]) -> list[Row]:
    """Return the `MAX_ROWS` of ``rows`` that cost most alone in int8, in their order."""
    limit = sorted((row.alone.deviation for row in rows), reverse=True)[:MAX_ROWS][-1]
    return [row for row in rows if row.alone.deviation >= limit]
