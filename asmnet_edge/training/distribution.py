"""Training on several processes or machines with what Keras' backends bring for it.

* TensorFlow: ``tf.distribute.MultiWorkerMirroredStrategy``, where ``TF_CONFIG`` is set
* JAX: ``keras.distribution.DataParallel``, where ``KERAS_DISTRIBUTION_JOB_ADDRESSES``,
  ``KERAS_DISTRIBUTION_NUM_PROCESSES`` and ``KERAS_DISTRIBUTION_PROCESS_ID`` are set

Every process makes its own part of each batch; the first one validates and writes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from asmnet_edge.errors import UsageError

KERAS_PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"


@dataclass(frozen=True)
class Processes:
    """This process among those of a run.

    rank : of this process, 0 writes; count : of all; summed : processes whose gradients the backend
    adds up, 1 where it averages; scope : context in which the variables of all are made; alone :
    context in which this process computes without the others
    """

    rank: int = 0
    count: int = 1
    summed: int = 1
    scope: Callable[[], AbstractContextManager[Any]] = nullcontext
    alone: Callable[[], AbstractContextManager[Any]] = nullcontext

    @property
    def first(self) -> bool:
        return self.rank == 0

    def part(self, batch: int) -> range:
        """Which faces of a ``batch`` this process makes."""
        if batch % self.count:
            raise UsageError(
                f"a batch of {batch} cannot be shared evenly by {self.count} processes"
            )
        each = batch // self.count
        return range(self.rank * each, (self.rank + 1) * each)


def join() -> Processes:
    """Join the processes that the environment names; before the backend computes anything."""
    import keras

    backend = keras.backend.backend()
    if "TF_CONFIG" in os.environ and backend == "tensorflow":
        return _join_tensorflow()
    if KERAS_PROCESSES in os.environ and backend == "jax":
        return _join_jax(keras)
    if named := {"TF_CONFIG", KERAS_PROCESSES} & os.environ.keys():
        raise UsageError(
            f"{', '.join(named)} asks for several processes, which {backend} does not share here",
            "Use KERAS_BACKEND=tensorflow with TF_CONFIG, or jax with KERAS_DISTRIBUTION_...",
        )
    return Processes()


def _join_tensorflow() -> Processes:
    import tensorflow as tf

    try:
        workers = json.loads(os.environ["TF_CONFIG"])
        count, rank = len(workers["cluster"]["worker"]), int(workers["task"]["index"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"TF_CONFIG cannot be read: {error!r}",
            'Expected {"cluster": {"worker": ["host:port", ...]}, '
            '"task": {"type": "worker", "index": 0}}',
        ) from error
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return Processes(rank, count, count, strategy.scope)


def _join_jax(keras: Any) -> Processes:
    import jax

    keras.distribution.initialize()
    spread = keras.distribution.DataParallel()
    keras.distribution.set_distribution(spread)

    @contextmanager
    def alone() -> Iterator[None]:
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(spread)

    return Processes(jax.process_index(), jax.process_count(), alone=alone)
