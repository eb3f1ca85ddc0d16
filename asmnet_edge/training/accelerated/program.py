"""``python -m asmnet_edge.training.accelerated.program PLAN.toml --output FOLDER``.

Everything for one session on a GPU: read packs, draw and turn faces, measure the speed, train the
teacher, label all faces with it, train the students. Needs only PyTorch, NumPy and OpenCV. Results
(``NAME.npz``, ``labels.npz``, ``teacher-N.pt``, ``log.txt``) are in FOLDER as soon as each is done,
and `export` turns students into float models. docs/gpu-training.md describes the plan.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asmnet_edge.errors import AsmnetEdgeError, UsageError
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import write_json
from asmnet_edge.training.accelerated.face_bank import DrawnBank, FaceBank, joined
from asmnet_edge.training.accelerated.fitting import BatchSource, Fit, Progress, Share, fit_network
from asmnet_edge.training.accelerated.losses import Scaling, student_loss, teacher_loss
from asmnet_edge.training.accelerated.measurements import (
    check_banks,
    label,
    measure_speed,
    predictor,
)
from asmnet_edge.training.accelerated.networks import (
    AsmNet,
    Teacher,
    read_student,
    read_teacher,
    write_labels,
    write_student,
    write_teacher,
)
from asmnet_edge.training.accelerated.plan import (
    Plan,
    Shares,
    StudentOptions,
    TeacherOptions,
    read_plan,
)
from asmnet_edge.training.model_facts import TargetScaling
from asmnet_edge.training.training_log import LogEntry, write_rows


class ProgressLog:
    """Prints lines with the seconds since the start, and appends them to ``path``."""

    def __init__(self, path: Path) -> None:
        self._start, self._path = time.monotonic(), path

    def __call__(self, line: str) -> None:
        text = f"{time.monotonic() - self._start:7.1f} {line}"
        print(text, flush=True)
        with self._path.open("a") as file:
            file.write(text + "\n")


class Curve:
    """Course of one run: lines for the log, and rows as in `asmnet_edge.training.training_log`."""

    def __init__(self, fit: Fit, log: ProgressLog) -> None:
        self._fit, self._log = fit, log
        self.entries: list[LogEntry] = []

    def __call__(self, progress: Progress) -> None:
        figures = ", ".join(f"{name} {value:.2f}" for name, value in progress.figures.items())
        speed = progress.step * self._fit.batch / progress.seconds
        self._log(
            f"step {progress.step}, {progress.seconds:.0f} s, {speed:.0f} faces/s, "
            f"loss {progress.loss:.4f}; {figures}"
        )
        nme = next(value for name, value in progress.figures.items() if name.endswith(" nme"))
        entry = LogEntry(progress.step, self._fit.size, progress.rate, progress.loss, nme)
        self.entries.append(entry)


@dataclass(frozen=True)
class Faces:
    """Faces of a run.

    train : banks to train on, by name; validate : banks held out of training
    """

    train: dict[str, FaceBank]
    validate: list[FaceBank]

    def shares(self, weights: Shares) -> list[Share]:
        """Return the shares of the banks; ``weights`` : first and last weight of each, by name."""
        if unknown := set(weights) - set(self.train):
            known = ", ".join(self.train)
            raise UsageError(f"no faces called {sorted(unknown)[0]!r} in shares", f"Known: {known}")
        return [Share(self.train[name], first, last) for name, (first, last) in weights.items()]


@dataclass(frozen=True)
class Session:
    """Machine and folder that a plan is run on.

    folder : of the plan, to which its paths are relative; output : for results; units : training
    units of the start model; report : takes lines
    """

    folder: Path
    output: Path
    device: torch.device
    units: TargetScaling
    report: ProgressLog

    @property
    def scaling(self) -> Scaling:
        return Scaling.of(self.units, self.device)

    @property
    def flip(self) -> Tensor:
        return torch.tensor(np.asarray(IBUG68.flip), device=self.device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        run(read_plan(options.plan), options.plan.parent, options.output)
    except AsmnetEdgeError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def run(plan: Plan, folder: Path, output: Path) -> None:
    """Run ``plan``; its paths are relative to ``folder``."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    report = ProgressLog(output / "log.txt")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    report(f"PyTorch {torch.__version__} on {name}")
    units = read_student(folder / plan.start, AsmNet())
    session = Session(folder, output, device, units, report)
    faces = _faces(plan, session)
    if plan.check:
        bank = next(iter(faces.train.values()))
        measure_speed(plan.check, bank, student_loss(session.scaling), session.flip, report)
    if plan.teacher:
        faces = _teach(plan.teacher, faces, session)
    for options in plan.students:
        _train_student(options, faces, session)


def _faces(plan: Plan, session: Session) -> Faces:
    size, data = plan.pixels, plan.data
    workers = max(1, (os.cpu_count() or 1) // 2)
    drawn = DrawnBank(data.drawn, size, "train", workers)
    held = DrawnBank(data.drawn_validate, size, "test", workers)
    train, validate = (_read(files, size, session) for files in (data.train, data.validate))
    banks = list(validate.values())
    sources = [train[name] for name in data.turn]
    train["turned"] = joined("turned", sources).turned(data.views, seed=1)
    banks += [replace(bank.turned(1, seed=2), name=f"{bank.name}-turned") for bank in banks]
    train["drawn"] = drawn.collect("drawn", session.device)
    banks.append(held.collect("drawn", session.device))
    session.report("faces: " + ", ".join(f"{bank.name} {len(bank)}" for bank in train.values()))
    session.report("held out: " + ", ".join(f"{bank.name} {len(bank)}" for bank in banks))
    return Faces(train, banks)


def _read(files: Mapping[str, str], size: int, session: Session) -> dict[str, FaceBank]:
    return {
        name: FaceBank.read(session.folder / file, name, size, session.device)
        for name, file in files.items()
    }


def _teach(options: TeacherOptions, faces: Faces, session: Session) -> Faces:
    """Return ``faces`` with points labelled by a teacher; drawn and turned faces are exact already.

    The teacher is trained, or read from the folder ``load``.
    """
    teacher: nn.Module = Teacher(options.width).to(session.device)
    if options.load:
        read_teacher(session.folder / options.load, teacher)
    else:
        teacher = _train_teacher(teacher, options, faces, session)
        write_teacher(session.output, teacher)
    predict, train = predictor(teacher.eval(), session.scaling), dict(faces.train)
    for name in options.labels:
        labelled = label(train[name], predict, options.size, session.flip)
        distance = (labelled - train[name].points).norm(dim=2).mean()
        session.report(f"labels of {name}: {float(distance):.2f} pixels from the annotated ones")
        train[name] = train[name].taught_by(labelled, instead=name in options.replaces)
    labels = {name: train[name].taught.cpu().numpy() for name in options.labels}
    write_labels(session.output / "labels.npz", labels)
    return replace(faces, train=train)


def _train_teacher(
    teacher: nn.Module, options: TeacherOptions, faces: Faces, session: Session
) -> nn.Module:
    fit = options.fit
    assert fit, "a teacher without fit is loaded"
    session.report(f"teacher: {sum(p.numel() for p in teacher.parameters()):,} parameters")
    source = BatchSource(faces.shares(options.shares), session.flip, fit.seed)
    check = check_banks(faces.validate, fit.size, session.scaling)
    loss, curve = teacher_loss(session.scaling), Curve(fit, session.report)
    return fit_network(teacher, source, loss, fit, check, curve)


def _train_student(options: StudentOptions, faces: Faces, session: Session) -> None:
    name, fit = options.name, options.fit
    student = AsmNet(options.alpha, frozen=options.frozen, fixed_norms=options.fixed_norms)
    if options.start:
        places = (session.output / options.start, session.folder / options.start)
        read_student(next((path for path in places if path.exists()), places[-1]), student)
    session.report(f"student {name}: {fit.size} px, {fit.seconds:.0f} s")
    source = BatchSource(faces.shares(options.shares), session.flip, fit.seed)
    loss = student_loss(session.scaling, **options.loss)
    check = check_banks(faces.validate, fit.size, session.scaling)
    curve = Curve(fit, session.report)
    average = fit_network(student.to(session.device), source, loss, fit, check, curve)
    write_student(session.output / f"{name}.npz", average, session.units)
    write_rows(session.output / f"{name}.csv", curve.entries)
    facts = {"provenance": _provenance(options, faces, curve.entries[-1])}
    write_json(session.output / f"{name}.json", facts)


def _provenance(options: StudentOptions, faces: Faces, last: LogEntry) -> dict[str, Any]:
    """Provenance for the float model, with the keys that `train` uses."""
    fit, banks = options.fit, [faces.train[name] for name in options.shares]
    shares = options.shares.items()
    return {
        "training": {
            "data": [{"dataset": n, "first_weight": a, "last_weight": b} for n, (a, b) in shares],
            "stages": [{"size": fit.size, "share": 1.0}],
            "seconds": fit.seconds,
            "batch": fit.batch,
            "learning_rate": fit.rate,
            "weight_decay": fit.decay,
            "distance": "euclidean",
            "asm_schedule": "none",
            "pose_weight": 0.1,
            "augmentation": asdict(fit.views),
            "last_augmentation": asdict(fit.last_views),
            "dropout": 0.0,
            "precision": "mixed_bfloat16",
            "ema": fit.averaging,
            "ema_every": 1,
            "frozen_blocks": options.frozen,
            "fixed_norms": options.fixed_norms,
            "seed": fit.seed,
            **options.loss,
        },
        "faces": [len(bank) for bank in banks],
        "licence": "; ".join(dict.fromkeys(filter(None, (bank.licence for bank in banks)))),
        "step": last.step,
        "validation_nme": last.validation_nme,
    }


if __name__ == "__main__":
    main()
