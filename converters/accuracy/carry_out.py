"""Execution of a plan: artifacts of all formats, measured on the faces it was chosen on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asmnet_edge.converters.accuracy.faces import Score
from asmnet_edge.converters.accuracy.plan import Plan, Planner

Measure = Callable[[tuple[str, ...]], Mapping[str, Score]]


@dataclass(frozen=True)
class Outcome:
    """An executed plan and the scores of its artifacts on the planner's faces, by file name."""

    plan: Plan
    scores: Mapping[str, Score]

    @property
    def worst(self) -> tuple[str, dict[str, float]]:
        """Artifact furthest from the goal and its excess in % by limit; {} if all meet the goal."""
        missed = {name: self.plan.goal.missed_by(score) for name, score in self.scores.items()}
        name = max(missed, key=lambda n: max(missed[n].values(), default=0.0))
        return name, missed[name]


def carry_out(planner: Planner, plan: Plan, measure: Measure, tries: int = 4) -> Outcome:
    """Execute ``plan``; keep one more block in float while an artifact misses the goal.

    measure : converts to all formats with the given layers in float and returns the score of each
    artifact on the planner's faces. After ``tries`` plans the best outcome is returned.
    """
    outcomes = [Outcome(plan, measure(plan.keep_float))]
    for _ in range(min(tries - 1, len(planner.blocks) - len(plan.blocks))):
        if not outcomes[-1].worst[1]:
            break
        plan = planner.one_more(plan)
        outcomes.append(Outcome(plan, measure(plan.keep_float)))
    return outcomes[-1] if not outcomes[-1].worst[1] else best_of(outcomes)


def best_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome whose worst artifact is nearest to the goal."""
    return min(outcomes, key=lambda outcome: max(outcome.worst[1].values(), default=0.0))
