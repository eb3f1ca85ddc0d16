"""The paper's ablation on our data: ASMNet and MobileNetV2, without and with the ASM-assisted loss.

    python scripts/run_ablation.py --data 300w:../shared/data/300w --output runs/ablation

Trains the four with configs/ablation.toml, one after the other, with the same seed and the same
number of steps; what is there already is gone on with, so it may be stopped at any time. Then each
one's best model by validation is evaluated on *common*; the table is printed and written to
OUTPUT/ablation.json: NME, its interval, and the paired difference that the loss makes. --config
compares under other settings, --schedule another schedule of the loss.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.files import write_json
from asmnet_edge.metrics import bootstrap_interval
from asmnet_edge.processes import our_python

ARCHITECTURES = ("asmnet", "mobilenetv2")
PLAIN = "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="what is evaluated on, as 300w:DIR")
    parser.add_argument("--output", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--config", type=Path, default=Path("configs/ablation.toml"))
    parser.add_argument("--schedule", default="steps", help="of the loss's weight: steps or smooth")
    given = parser.parse_args()
    runs = [given.output / f"{a}-{s}" for a, s in product(ARCHITECTURES, (PLAIN, given.schedule))]
    for run in runs:
        train(run, given.config)
    found = {run.name: errors_of(run, given.data) for run in runs}
    content = {"config": given.config.read_text(), "rows": table(found)}
    write_json(given.output / "ablation.json", content)
    for row in content["rows"]:
        print(in_words(row))


def train(run: Path, config: Path) -> None:
    """Train, or go on with, the run whose folder is named ARCHITECTURE-SCHEDULE."""
    architecture, schedule = run.name.split("-")
    words = ("--architecture", architecture, "--asm-schedule", schedule, "--resume")
    call("train", "--config", str(config), "--output", str(run), *words)


def errors_of(run: Path, data: str) -> dict[str, float]:
    """NME in % of each face of *common*, by its name."""
    output = run / "evaluation"
    words = ("--data", data, "--subset", "common", "--no-sensitivity", "--overwrite")
    call("evaluate", str(run / "best.keras"), *words, "--output", str(output))
    content = json.loads((output / "evaluation.json").read_text())
    return dict(content["subsets"][0]["errors"])


def call(*words: str) -> None:
    """Run ``asmnet-edge``; end as it does where it fails."""
    ended = subprocess.run(our_python("-m", "asmnet_edge", *words), check=False)
    if ended.returncode:
        sys.exit(ended.returncode)


def table(found: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """A row for each run: NME in %, its interval, what the loss changed and that one's interval."""
    rows = []
    for name, by_face in found.items():
        errors = np.array(list(by_face.values()))
        plain = found[f"{name.split('-')[0]}-{PLAIN}"]
        change = np.array([error - plain[face] for face, error in by_face.items()])
        rows.append(
            {
                "run": name,
                "faces": len(errors),
                "nme": float(errors.mean()),
                "nme_interval": bootstrap_interval(errors),
                "change": float(change.mean()),
                "change_interval": bootstrap_interval(change),
            }
        )
    return rows


def in_words(row: dict[str, Any]) -> str:
    low, high = row["nme_interval"]
    line = f"{row['run']:20} NME {row['nme']:.2f} % [{low:.2f}, {high:.2f}]"
    if not row["run"].endswith(PLAIN):
        low, high = row["change_interval"]
        line += f", the loss changed it by {row['change']:+.2f} [{low:+.2f}, {high:+.2f}]"
    return line


if __name__ == "__main__":
    main()
