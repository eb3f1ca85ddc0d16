"""Which repair of the folded graph, if any, an int8 conversion starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import keras

from asmnet_edge.converters.accuracy.equalise import correct_biases, equalise
from asmnet_edge.converters.accuracy.faces import Faces, Score
from asmnet_edge.converters.accuracy.sensitivity import Judge
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.converters.graph import InferenceGraph

AS_IT_IS = "none"
# of the deviation without: any change of the weights makes them round another way, which by itself
# moves the deviation by a tenth, and not the same way in the simulation and in each format
WORTH = 0.8


def _both(simulation: Simulation) -> keras.Model:
    return correct_biases(simulation.of(equalise(simulation)))


# name -> what makes the repaired graph
REPAIRS: Mapping[str, Callable[[Simulation], keras.Model]] = MappingProxyType(
    {"equalisation": equalise, "bias correction": correct_biases, "both": _both}
)


@dataclass(frozen=True)
class Repair:
    """The repair that was chosen; scores : of each that was tried, on ``faces`` faces."""

    name: str
    scores: Mapping[str, Score]
    faces: int
    graph: keras.Model | None = field(default=None, repr=False)

    def apply(self, graph: InferenceGraph) -> InferenceGraph:
        """``graph`` repaired: what the int8 artifacts are made from."""
        return replace(graph, repaired=self.graph, repair=self.as_json())

    def as_json(self) -> dict[str, Any]:
        deviations = {name: round(score.deviation, 4) for name, score in self.scores.items()}
        return {"applied": self.name, "chosen_on": self.faces, "deviations": deviations}


def choose_repair(
    simulation: Simulation, faces: Faces, tick: Callable[[], None] = lambda: None
) -> Repair:
    """The repair with the smallest deviation on ``faces``, if one is worth it; simulated."""
    graphs: dict[str, keras.Model] = {}
    scores = {AS_IT_IS: _score(simulation, faces)}
    for name, repair in REPAIRS.items():
        graphs[name] = repair(simulation)
        scores[name] = _score(simulation.of(graphs[name]), faces)
        tick()
    best = min(scores, key=lambda name: scores[name].deviation)
    if scores[best].deviation > WORTH * scores[AS_IT_IS].deviation:
        best = AS_IT_IS
    return Repair(best, scores, len(faces), graphs.get(best))


def _score(simulation: Simulation, faces: Faces) -> Score:
    return Judge(simulation, faces).score(simulation.body)
