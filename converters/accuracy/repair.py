"""Selection of the repair of the folded graph, if any, before an int8 conversion."""

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

NO_REPAIR = "none"
# least improvement, as a factor of the deviation without repair: any change of the weights changes
# their rounding, which alone moves the deviation by a tenth, differently in each format
MIN_IMPROVEMENT = 0.8


def _both(simulation: Simulation) -> keras.Model:
    return correct_biases(simulation.of(equalise(simulation)))


# name -> function that returns the repaired graph
REPAIRS: Mapping[str, Callable[[Simulation], keras.Model]] = MappingProxyType(
    {"equalisation": equalise, "bias correction": correct_biases, "both": _both}
)


@dataclass(frozen=True)
class Repair:
    """The selected repair.

    scores : of each candidate on ``faces`` faces, by name; graph : repaired; None without repair
    """

    name: str
    scores: Mapping[str, Score]
    faces: int
    graph: keras.Model | None = field(default=None, repr=False)

    def apply(self, graph: InferenceGraph) -> InferenceGraph:
        """Return ``graph`` with the repair, to convert to int8."""
        return replace(graph, repaired=self.graph, repair=self.as_json())

    def as_json(self) -> dict[str, Any]:
        deviations = {name: round(score.deviation, 4) for name, score in self.scores.items()}
        return {"applied": self.name, "chosen_on": self.faces, "deviations": deviations}


def choose_repair(
    simulation: Simulation, faces: Faces, tick: Callable[[], None] = lambda: None
) -> Repair:
    """Return the repair with the smallest simulated deviation on ``faces``, if any helps."""
    graphs: dict[str, keras.Model] = {}
    scores = {NO_REPAIR: _score(simulation, faces)}
    for name, repair in REPAIRS.items():
        graphs[name] = repair(simulation)
        scores[name] = _score(simulation.of(graphs[name]), faces)
        tick()
    best = min(scores, key=lambda name: scores[name].deviation)
    if scores[best].deviation > MIN_IMPROVEMENT * scores[NO_REPAIR].deviation:
        best = NO_REPAIR
    return Repair(best, scores, len(faces), graphs.get(best))


def _score(simulation: Simulation, faces: Faces) -> Score:
    return Judge(simulation, faces).score(simulation.body)
