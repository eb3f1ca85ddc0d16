"""A plan carried out: real artifacts of all formats, measured on the faces it was chosen on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asmnet_edge.converters.accuracy.faces import Score
from asmnet_edge.converters.accuracy.plan import Plan, Planner

Measure = Callable[[tuple[str, ...]], Mapping[str, Score]]


@dataclass(frozen=True)
class Outcome:
    """The plan that was carried out, and what its artifacts cost on the faces chosen on."""

    plan: Plan
    scores: Mapping[str, Score]

    @property
    def worst(self) -> tuple[str, dict[str, float]]:
        """The artifact furthest from the goal and by how much; nothing when all keep it."""
        missed = {name: self.plan.goal.missed_by(score) for name, score in self.scores.items()}
        name = max(missed, key=lambda n: max(missed[n].values(), default=0.0))
        return name, missed[name]


def carry_out(planner: Planner, plan: Plan, measure: Measure, tries: int = 4) -> Outcome:
    """``plan``, with more blocks kept while a real artifact misses the goal that was expected.

    measure : makes the artifacts of all formats with those layers in float, and gives the score of
    each on the planner's faces. The best outcome is given when ``tries`` did not suffice.
    """
    outcomes = [Outcome(plan, measure(plan.keep_float))]
    for _ in range(min(tries - 1, len(planner.blocks) - len(plan.blocks))):
        if not outcomes[-1].worst[1]:
            break
        plan = planner.one_more(plan)
        outcomes.append(Outcome(plan, measure(plan.keep_float)))
    return outcomes[-1] if not outcomes[-1].worst[1] else best_of(outcomes)


def best_of(outcomes: Sequence[Outcome]) -> Outcome:
    """The one whose worst artifact is nearest to the goal."""
    return min(outcomes, key=lambda outcome: max(outcome.worst[1].values(), default=0.0))
