"""Training on several devices or machines, by the means of Keras' backends.

* TensorFlow: ``tf.distribute.MultiWorkerMirroredStrategy``, where ``TF_CONFIG`` is set; one device
  a process
* JAX: ``keras.distribution.DataParallel`` over all devices of a process, and of all processes where
  ``KERAS_DISTRIBUTION_JOB_ADDRESSES``, ``KERAS_DISTRIBUTION_NUM_PROCESSES`` and
  ``KERAS_DISTRIBUTION_PROCESS_ID`` are set

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
ASKING = frozenset({"TF_CONFIG", KERAS_PROCESSES})  # variables that ask for several processes
CLUSTER = (
    'Expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True)
class Processes:
    """This process among those of a run.

    rank : of this process, 0 writes; count : of processes; devices : number of devices that share
    a batch evenly; summed : processes whose gradients the backend adds up, 1 where it averages
    scope : context in which shared variables are created; alone : context in which this process
    computes without the others; gather : collects a number from each process, for all of them
    """

    rank: int = 0
    count: int = 1
    devices: int = 1
    summed: int = 1
    scope: Callable[[], AbstractContextManager[Any]] = nullcontext
    alone: Callable[[], AbstractContextManager[Any]] = nullcontext
    gather: Callable[[int], list[int]] = lambda number: [number]

    @property
    def first(self) -> bool:
        """Whether this process validates and writes."""
        return self.rank == 0

    def part(self, batch: int) -> range:
        """Return the indices of a ``batch`` that this process makes; `UsageError` if uneven."""
        if batch % max(self.count, self.devices):
            raise UsageError(
                f"a batch of {batch} cannot be shared evenly by {self.count} processes "
                f"with {self.devices} devices"
            )
        each = batch // self.count
        return range(self.rank * each, (self.rank + 1) * each)

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is set in any process."""
        return any(self.gather(int(flag)))


def join() -> Processes:
    """Join the processes that the environment names; call before the backend computes anything."""
    import keras

    backend = keras.backend.backend()
    if "TF_CONFIG" in os.environ and backend == "tensorflow":
        return _join_tensorflow()
    if backend == "jax":
        return _join_jax(keras)
    if named := ASKING & os.environ.keys():
        raise UsageError(
            f"{', '.join(sorted(named))} asks for several processes, {backend} trains on one here",
            "Use KERAS_BACKEND=tensorflow with TF_CONFIG, or jax with KERAS_DISTRIBUTION_...",
        )
    return Processes()


def _join_tensorflow() -> Processes:
    import tensorflow as tf

    rank, count = _read_cluster(os.environ["TF_CONFIG"])
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if strategy.num_replicas_in_sync != count:
        raise UsageError(
            f"{count} processes have {strategy.num_replicas_in_sync} devices together",
            "Show each process one, as with CUDA_VISIBLE_DEVICES=0",
        )

    def gather(number: int) -> list[int]:
        def all_of_them() -> Any:
            replica = tf.distribute.get_replica_context()
            return replica.all_gather(tf.constant([number]), axis=0)

        numbers: list[int] = strategy.run(all_of_them).numpy().tolist()
        return numbers

    return Processes(rank, count, count, count, strategy.scope, gather=gather)


def _read_cluster(content: str) -> tuple[int, int]:
    """This process' rank and how many there are; all of them must be plain workers."""
    try:
        cluster = json.loads(content)
        workers, task = cluster["cluster"], cluster["task"]
        if set(workers) != {"worker"} or task["type"] != "worker":
            raise ValueError(f"roles {sorted(workers)}, this one {task['type']!r}")
        return int(task["index"]), len(workers["worker"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"TF_CONFIG cannot be used: {error!r}", CLUSTER) from error


def _join_jax(keras: Any) -> Processes:
    import jax
    import numpy as np
    from jax.experimental import multihost_utils

    if KERAS_PROCESSES in os.environ:
        try:
            keras.distribution.initialize()
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            raise UsageError(
                f"the processes cannot be joined: {error}",
                "Set KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES and _PROCESS_ID for each",
            ) from error
    if jax.device_count() == 1:
        return Processes()
    spread = keras.distribution.DataParallel()
    keras.distribution.set_distribution(spread)

    @contextmanager
    def alone() -> Iterator[None]:
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(spread)

    def gather(number: int) -> list[int]:
        numbers: list[int] = multihost_utils.process_allgather(np.array([number])).ravel().tolist()
        return numbers

    rank, count, devices = jax.process_index(), jax.process_count(), jax.device_count()
    return Processes(rank, count, devices, alone=alone, gather=gather)
