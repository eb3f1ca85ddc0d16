"""How long to measure, and how a case is warmed up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from asmnet_edge.errors import UsageError


@dataclass(frozen=True)
class LatencyPlan:
    """At least ``queries`` calls *and* ``seconds`` of calling for each case, in ``rounds``.

    warmup_seconds : after which a case is measured even if it is not steady yet
    cold_starts : fresh processes in which the first landmark is timed
    stage_calls : pictures that go through all stages, decode to landmarks
    seed : of the order of the cases, which is drawn anew for each round
    """

    queries: int = 200
    seconds: float = 2.0
    rounds: int = 12
    warmup_seconds: float = 3.0
    cold_starts: int = 3
    stage_calls: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        if self.queries < 1 or self.rounds < 1 or min(self.seconds, self.warmup_seconds) < 0:
            raise UsageError(f"a latency plan needs queries, rounds >= 1 and times >= 0: {self}")

    def lengthened(self, queries: int | None, seconds: float | None) -> LatencyPlan:
        """Return this plan with ``queries`` and ``seconds`` replaced where they are given."""
        return replace(
            self,
            queries=self.queries if queries is None else queries,
            seconds=self.seconds if seconds is None else seconds,
        )

    @property
    def turn(self) -> tuple[int, float]:
        """Calls and seconds of one case in one round."""
        return -(-self.queries // self.rounds), self.seconds / self.rounds


QUICK = LatencyPlan()
# as many queries as MLPerf Inference asks of a single stream at least, and a minute
RIGOROUS = LatencyPlan(1024, 60.0, 20, 15.0, cold_starts=10, stage_calls=120)
