"""What the card says of a model's data, licence and training, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asmnet_edge.benchmarks.card import pictures
from asmnet_edge.benchmarks.card.text.markdown import block, bullets, code, number, short, table

Section = Mapping[str, Any]


def training_text(section: Section, folder: str) -> str:
    """Data, licence and what follows, the runs, and the curve where a log was given."""
    remarks = ["What no program finds out:", bullets(section["remarks"])] * bool(section["remarks"])
    parts = _licence(section), _runs(section), *remarks, _curve(section, folder)
    return block("### Data, licence, training", *parts)


def _licence(section: Section) -> str:
    licence = section["licence"] or "not told by the file: ask whoever trained the model"
    return block(f"Licence of the training data: {licence}.", section["notice"] or "")


def _runs(section: Section) -> str:
    runs = section["training"]
    if not runs:
        return "The file does not tell how it was trained."
    several = "One run after another, each from the weights of the one before." * (len(runs) > 1)
    return block(several, *map(_run, runs))


def _run(run: Section) -> str:
    rows = (
        (
            code(data["dataset"]),
            "" if data["faces"] is None else str(data["faces"]),
            *(number(100 * data[key], 0) for key in ("first_weight", "last_weight")),
        )
        for data in run["data"]
    )
    header = (f"run {run['run']}: data", "faces", "% of a batch at first", "at last")
    return block(table(header, rows), bullets(_facts(run)))


def _facts(run: Section) -> list[str]:
    stages = ", then ".join(
        f"{number(100 * s['share'], 0)} % of them at {s['size']} px" for s in run["stages"] or ()
    )
    lines = [
        f"{_length(run)}, batches of {run['batch']}: {stages or 'at one size'}.",
        f"Landmark loss {run['distance']}, ASM loss {run['asm_schedule']}, learning rate "
        f"{run['learning_rate']}, weight of the pose {run['pose_weight']}, dropout "
        f"{run['dropout']}, weight decay {run['weight_decay']}, {run['precision']}, seed "
        f"{run['seed']}.",
        f"Pictures varied by {_named(run['augmentation'])}.{_last_views(run)}",
        f"Averaged weights: each {run['ema_every']} steps a share of {run['ema']} stays.",
        f"{run['validation_percent']} % of the identities were held out; the faces above are "
        "those that were learnt from.",
    ]
    if run.get("frozen_blocks"):
        lines.append(f"The first {run['frozen_blocks']} blocks stayed as they were.")
    if run.get("taught"):
        lines.append(
            f"What a teacher sees in the faces weighs {run['taught']:g} beside "
            f"{1 - run['taught']:g} of the annotation."
        )
    if run["validation_nme"] is not None:
        lines.append(f"NME on the held-out faces: {number(run['validation_nme'])} %.")
    if run["step"] is not None:
        lines.append(f"The weights are those after step {run['step']}.")
    if run["averaging"]:
        lines.append(f"Averaging: {run['averaging']}.")
    if run["sha256"]:
        lines.append(f"Its file's SHA-256 begins with {short(run['sha256'])}.")
    return lines


def _length(run: Section) -> str:
    """As long as a run was laid out for: epochs, or seconds on a borrowed machine."""
    if run.get("seconds"):
        return f"{run['seconds']:g} seconds"
    return f"{run['epochs']} epochs"


def _last_views(run: Section) -> str:
    first, last = run["augmentation"] or {}, run.get("last_augmentation") or {}
    changed = {name: value for name, value in last.items() if first.get(name) != value}
    return f" In the last part by {_named(changed)} instead." if changed else ""


def _named(values: Mapping[str, float] | None) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in (values or {}).items()) or "nothing"


def _curve(section: Section, folder: str) -> str:
    if not (log := section["log"]):
        return ""
    parts = "; ".join(
        f"{part['steps']} steps at {', '.join(map(str, part['sizes']))} px" for part in log["parts"]
    )
    file = f"{folder}/{pictures.training_file(section)}"
    return block(f"![Loss and validation NME by step]({file})", f"The curve: {parts}.")
