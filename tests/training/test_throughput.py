"""The input's speed is that of the batches it counts."""

import pytest

from asmnet_edge.datasets.pack import Pack
from asmnet_edge.training import batches
from asmnet_edge.training.augmentation import NO_AUGMENTATION
from asmnet_edge.training.batches import BatchPlan, Source
from asmnet_edge.training.model_facts import TargetScaling


def test_crops_are_counted_per_second_of_processor_time(
    face_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a clock that a batch moves by half a second
    clock = [0.0]
    make = BatchPlan.make

    def slow(self: BatchPlan, *given: object) -> object:
        clock[0] += 0.5
        return make(self, *given)

    monkeypatch.setattr(BatchPlan, "make", slow)
    monkeypatch.setattr(batches, "process_time", lambda: clock[0])
    plan = BatchPlan((Source(face_pack),), 6, 3, NO_AUGMENTATION, 0)
    drawn = plan.targets(0, 32)
    scaling = TargetScaling.fit(drawn["landmarks"], drawn["pose"])
    assert batches.crops_per_second(plan, 32, scaling, seconds=2) == pytest.approx(12)
