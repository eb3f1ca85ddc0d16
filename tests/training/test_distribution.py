"""Several processes: who makes which faces, and a run on two of them on this machine."""

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.datasets.pack import Pack
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.training.config import DataShare, TrainConfig
from asmnet_edge.training.distribution import Processes, join
from asmnet_edge.training.loop import Run
from asmnet_edge.training.network import Variant

SMALL = Variant(alpha=0.35, input_size=32)
# ASMNet itself in `make soak`: three processes of JAX compile it for a minute
SMALL_NETWORK = (str(Path(__file__).with_name("small_network.py")),)
PROGRAM = ("-m", "asmnet_edge", "train") if "ASMNET_EDGE_SOAK" in os.environ else SMALL_NETWORK
# compiling takes JAX longer than computing does
QUICK_JAX = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
FLAGS = ("--data", "synthetic:40", "--alpha", "0.35", "--input-size", "32", "--epochs", "1",
         "--batch", "8", "--workers", "1")  # fmt: skip


def test_the_processes_share_a_batch_without_gap_or_overlap() -> None:
    parts = [Processes(rank, 3).part(12) for rank in range(3)]
    assert [i for part in parts for i in part] == list(range(12))


def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    with pytest.raises(UsageError, match=r"batch of 10 .* 3 processes"):
        Processes(0, 3).part(10)


def test_alone_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    alone = join()
    assert (alone.rank, alone.count, alone.part(7)) == (0, 1, range(7))
    assert alone.any(True)
    assert not alone.any(False)


def test_a_backend_that_does_not_share_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    with pytest.raises(UsageError, match=r"tensorflow trains on one here.*TF_CONFIG"):
        join()


@pytest.mark.parametrize(
    "cluster",
    [
        "no json",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
    ],
)
def test_a_cluster_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, cluster: str
) -> None:
    monkeypatch.setenv("TF_CONFIG", cluster)
    with pytest.raises(UsageError, match=r"TF_CONFIG cannot be used.*host:port"):
        join()


def test_processes_that_found_different_checkpoints_do_not_start(face_pack: Pack) -> None:
    config = TrainConfig(data=(DataShare("drawn"),), batch=4, variant=SMALL)
    run = Run(config, [(face_pack, face_pack)], Path("nowhere"))
    run.processes = Processes(0, 2, gather=lambda step: [step, step + 250])
    with pytest.raises(ModelError, match=r"different steps: \[0, 250\].*same --output folder"):
        next(run.train())


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def environment(backend: str, rank: int, ports: list[int]) -> Mapping[str, str]:
    addresses = [f"127.0.0.1:{port}" for port in ports]
    if backend == "tensorflow":
        workers = ", ".join(f'"{address}"' for address in addresses)
        task = f'"task": {{"type": "worker", "index": {rank}}}'
        return {"TF_CONFIG": f'{{"cluster": {{"worker": [{workers}]}}, {task}}}'}
    prefix = "KERAS_DISTRIBUTION"
    return {
        f"{prefix}_JOB_ADDRESSES": ",".join(addresses),
        f"{prefix}_NUM_PROCESSES": "2",
        f"{prefix}_PROCESS_ID": str(rank),
    }


def run(backend: str, commands: list[list[str]]) -> None:
    """Run ``commands`` as the processes of one training, or as the only one."""
    ports, alone = free_ports(2), len(commands) == 1
    children = []
    for rank, words in enumerate(commands):
        cluster = {} if alone else environment(backend, rank, ports)
        env = {**os.environ, **QUICK_JAX, "KERAS_BACKEND": backend, **cluster}
        child = subprocess.Popen(
            [sys.executable, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        children.append(child)
    for child in children:
        output, _ = child.communicate(timeout=600)
        assert child.returncode == 0, output.decode()[-2000:]


def training_of(folder: Path) -> list[str]:
    return [*PROGRAM, *FLAGS, "--output", str(folder)]


def losses(folder: Path) -> list[float]:
    with (folder / "log.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def assert_only_the_first_wrote(first: Path, second: Path) -> None:
    assert len(losses(first)) >= 4
    assert (first / "best.keras").exists()
    assert not [*second.glob("*.keras"), *second.glob("*.npz")]


@pytest.fixture(scope="module")
def tensorflow_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two workers of TensorFlow wrote: gradients ``0.npz``, ``1.npz``, runs ``0``, ``1``."""
    folder = tmp_path_factory.mktemp("pair")
    script = str(Path(__file__).with_name("worker_step.py"))
    commands = [
        [script, str(folder / f"{rank}.npz"), *FLAGS, "--output", str(folder / str(rank))]
        for rank in range(2)
    ]
    run("tensorflow", commands)
    return folder


def test_two_of_tensorflows_workers_train_one_model(tensorflow_pair: Path) -> None:
    assert_only_the_first_wrote(tensorflow_pair / "0", tensorflow_pair / "1")


def test_two_of_tensorflows_workers_average_their_gradients(tensorflow_pair: Path) -> None:
    one, two = (dict(np.load(tensorflow_pair / f"{rank}.npz")) for rank in range(2))
    assert not np.allclose(one["alone"], two["alone"], rtol=0.01)  # they saw different faces
    np.testing.assert_allclose(one["together"], two["together"], rtol=1e-5, atol=1e-7)
    mean = (one["alone"] + two["alone"]) / 2
    np.testing.assert_allclose(one["together"], mean, rtol=1e-3, atol=1e-5)


def test_two_of_jaxs_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    # one program over the whole batch, norms included; TensorFlow's workers have norms of their own
    if util.find_spec("jax") is None:
        pytest.skip("needs jax, which is not installed: pip install jax")
    one, first, second = (tmp_path / name for name in ("one", "first", "second"))
    run("jax", [training_of(first), training_of(second)])
    assert_only_the_first_wrote(first, second)
    run("jax", [training_of(one)])
    # the second loss has a step behind it; rounding grows from step to step, through 50 norms
    assert losses(first)[:2] == pytest.approx(losses(one)[:2], rel=1e-3)
