"""``python -m asmnet_edge.training.accelerated.program PLAN.toml --output FOLDER``.

Everything for one visit to a GPU: read packs, draw and turn faces, measure the speed, train the
teacher, let it label all faces, train the students. Needs PyTorch, NumPy and OpenCV alone; what it
writes (``NAME.npz``, ``log.csv``, ``summary.json``) `export` turns into float models.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asmnet_edge.schemes import IBUG68
from asmnet_edge.training.accelerated.checks import answering, check_banks, label
from asmnet_edge.training.accelerated.faces import DrawnBank, FaceBank, Report, joined
from asmnet_edge.training.accelerated.fit import BatchSource, Fit, Share, fit_network
from asmnet_edge.training.accelerated.losses import Scaling, student_loss, teacher_loss
from asmnet_edge.training.accelerated.networks import (
    AsmNet,
    Teacher,
    from_keras_layout,
    to_keras_layout,
)
from asmnet_edge.training.accelerated.views import ViewSettings
from asmnet_edge.training.targets import TargetScaling

SCALING = "scaling"  # key of the training units in an .npz of weights


class Journal:
    """Prints lines with the seconds since the start, and keeps them in a file."""

    def __init__(self, path: Path) -> None:
        self._start, self._path = time.monotonic(), path

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def __call__(self, line: str) -> None:
        text = f"{self.seconds:7.1f} {line}"
        print(text, flush=True)
        with self._path.open("a") as file:
            file.write(text + "\n")


@dataclass(frozen=True)
class Faces:
    """train : banks to learn from, by name; validate : banks to look at, never learnt from"""

    train: dict[str, FaceBank]
    validate: list[FaceBank]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    plan = tomllib.loads(options.plan.read_text())
    run(plan, options.plan.parent, options.output, Journal(options.output / "log.txt"))


def run(plan: dict[str, Any], folder: Path, output: Path, report: Journal) -> None:
    """Carry ``plan`` out; its paths are relative to ``folder``."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    report(f"PyTorch {torch.__version__} on {name}")
    scaling = _scaling(folder / plan["start"], device)
    flip = torch.tensor(np.asarray(IBUG68.flip), device=device)
    faces = _faces(plan, folder, device, report)
    if "check" in plan:
        _check_speed(plan, faces, scaling, flip, report)
    if "teacher" in plan:
        teacher = _train_teacher(plan["teacher"], faces, scaling, flip, folder, output, report)
        faces = _labelled(faces, teacher, plan["teacher"], scaling, flip, report)
    for settings in plan.get("student", []):
        _train_student(settings, faces, scaling, flip, folder, output, report)


def _scaling(path: Path, device: torch.device) -> Scaling:
    with np.load(path) as arrays:
        return Scaling.of(TargetScaling.from_json(json.loads(str(arrays[SCALING]))), device)


def _faces(plan: dict[str, Any], folder: Path, device: torch.device, report: Report) -> Faces:
    size, data = plan["pixels"], plan["data"]
    workers = os.cpu_count() or 1
    drawn = DrawnBank(data["drawn"], size, "train", workers)
    held = DrawnBank(data["drawn_validate"], size, "test", 1)
    train = {n: FaceBank.read(folder / file, n, size, device) for n, file in data["train"].items()}
    validate = [
        FaceBank.read(folder / file, n, size, device) for n, file in data["validate"].items()
    ]
    report("packs: " + ", ".join(f"{b.name} {len(b)}" for b in (*train.values(), *validate)))
    sources = [train[name] for name in data["turn"]]
    train["turned"] = joined("turned", sources).turned(data["views"], seed=1)
    validate += [replace(b.turned(2, seed=2), name=f"{b.name}-turned") for b in validate]
    report(f"turned: {len(train['turned'])}")
    train["drawn"] = drawn.collect("drawn", device)
    validate.append(held.collect("drawn", device))
    report(f"drawn: {len(train['drawn'])}")
    return Faces(train, validate)


def _shares(faces: Faces, weights: dict[str, list[float]]) -> list[Share]:
    return [Share(faces.train[name], first, last) for name, (first, last) in weights.items()]


def _fit(settings: dict[str, Any]) -> Fit:
    keys = ("size", "batch", "seconds", "rate", "decay", "averaging", "seed", "compiled")
    chosen = {key: settings[key] for key in keys if key in settings}
    views = ViewSettings(**settings.get("views", {}))
    last = replace(views, **settings.get("last_views", {}))
    return Fit(**chosen, views=views, last_views=last)


def _train_teacher(
    settings: dict[str, Any],
    faces: Faces,
    scaling: Scaling,
    flip: Tensor,
    folder: Path,
    output: Path,
    report: Report,
) -> nn.Module:
    teacher = Teacher(settings.get("width", 64)).to(flip.device)
    teacher = teacher.to(memory_format=torch.channels_last)
    if "load" in settings:
        teacher.load_state_dict(torch.load(folder / settings["load"], weights_only=True))
        return teacher.eval()
    fit = _fit(settings)
    report(f"teacher: {sum(p.numel() for p in teacher.parameters()):,} parameters")
    source = BatchSource(_shares(faces, settings["shares"]), flip, fit.seed)
    check = check_banks(faces.validate, fit.size, scaling)
    average = fit_network(teacher, source, teacher_loss(scaling), fit, check, report)
    _save_halves(average, output)
    return average


def _save_halves(network: nn.Module, output: Path) -> None:
    """``teacher-0.pt`` and ``teacher-1.pt``, in half precision: what brings them back may be small."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    names = list(state)
    for number, part in enumerate((names[::2], names[1::2])):
        torch.save({name: state[name] for name in part}, output / f"teacher-{number}.pt")


def _labelled(
    faces: Faces,
    teacher: nn.Module,
    settings: dict[str, Any],
    scaling: Scaling,
    flip: Tensor,
    report: Report,
) -> Faces:
    """With the teacher's points; those of drawn and turned faces are exact as they are."""
    answer, train = answering(teacher, scaling), dict(faces.train)
    for name in settings["labels"]:
        bank = train[name]
        train[name] = bank.taught_by(label(bank, answer, settings["size"], flip))
        apart = (train[name].taught - bank.points).norm(dim=2).mean()
        report(f"labels of {name}: {float(apart):.2f} pixels from the annotated ones")
        if name in settings.get("replaces", ()):  # annotated worse than the teacher sees them
            train[name] = replace(train[name], points=train[name].taught)
    return replace(faces, train=train)


def _train_student(
    settings: dict[str, Any],
    faces: Faces,
    scaling: Scaling,
    flip: Tensor,
    folder: Path,
    output: Path,
    report: Report,
) -> None:
    name, fit = settings["name"], _fit(settings)
    student = _student(settings, folder, output).to(flip.device)
    student = student.to(memory_format=torch.channels_last)
    report(f"student {name}: {fit.size} px, {fit.seconds:.0f} s")
    source = BatchSource(_shares(faces, settings["shares"]), flip, fit.seed)
    chosen = {k: settings[k] for k in ("distance", "pose_weight", "taught") if k in settings}
    check = check_banks(faces.validate, fit.size, scaling)
    average = fit_network(student, source, student_loss(scaling, **chosen), fit, check, report)
    assert isinstance(average, AsmNet)
    units = json.dumps(_units(scaling).as_json())
    np.savez(output / f"{name}.npz", **to_keras_layout(average), **{SCALING: np.array(units)})


def _student(settings: dict[str, Any], folder: Path, output: Path) -> AsmNet:
    student = AsmNet(settings.get("alpha", 1.0))
    if "start" in settings:
        started = [p for p in (output / settings["start"], folder / settings["start"]) if p.exists()]
        with np.load(started[0]) as weights:
            from_keras_layout(student, weights)
    return student


def _units(scaling: Scaling) -> TargetScaling:
    arrays = (scaling.mean_shape, scaling.pose_mean, scaling.pose_scale)
    mean, pose, spread = (a.double().cpu().numpy() for a in arrays)
    return TargetScaling(mean, scaling.shape_scale, pose, spread)


def _check_speed(
    plan: dict[str, Any], faces: Faces, scaling: Scaling, flip: Tensor, report: Report
) -> None:
    """Faces a second of each way to train, each for ``seconds`` after a warm-up."""
    settings = plan["check"]
    bank = next(iter(faces.train.values()))
    loss = student_loss(scaling)
    for size, compiled, layout in settings["students"]:
        network: nn.Module = AsmNet().to(flip.device)
        shaped = torch.channels_last if layout == "last" else torch.contiguous_format
        network = network.to(memory_format=shaped)
        fit = Fit(size, settings["batch"], settings["seconds"], 1e-3, compiled=compiled)
        trained = torch.compile(network) if compiled else network
        source = BatchSource([Share(bank, 1, 1)], flip, 0)
        start = time.monotonic()
        for _ in range(3):
            loss(trained, source.draw(0.0, fit)).backward()
        _wait(flip)
        warm, steps = time.monotonic(), 0
        while time.monotonic() - warm < settings["seconds"]:
            loss(trained, source.draw(0.0, fit)).backward()
            steps += 1
            if steps % 4 == 0:
                _wait(flip)
        _wait(flip)
        speed = steps * fit.batch / (time.monotonic() - warm)
        report(f"speed: {size} px, compiled={compiled}, {layout}: {speed:.0f} faces/s, "
               f"first steps {warm - start:.1f} s")  # fmt: skip
    _time_views(bank, flip, settings, report)


def _time_views(bank: FaceBank, flip: Tensor, settings: dict[str, Any], report: Report) -> None:
    source = BatchSource([Share(bank, 1, 1)], flip, 0)
    fit = Fit(settings["students"][0][0], settings["batch"], 1, 1e-3)
    _wait(flip)
    start = time.monotonic()
    for _ in range(10):
        source.draw(0.0, fit)
    _wait(flip)
    speed = 10 * fit.batch / (time.monotonic() - start)
    report(f"speed: views alone, {fit.size} px: {speed:.0f} faces/s")


def _wait(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize()


def _names(banks: Sequence[FaceBank]) -> str:
    return ", ".join(bank.name for bank in banks)


if __name__ == "__main__":
    main()
