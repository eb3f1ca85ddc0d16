"""The paper's ablation on our data, and when the ASM-assisted loss helps.

    python scripts/run_ablation.py --data 300w:data/300w --output runs/ablation [NAME ...]

Trains the runs of configs/ablation-runs.toml, or only those of each NAME, with the settings of
configs/ablation.toml, one after the other: same seed, same number of steps. Runs that exist are
resumed, so the script may be stopped at any time, and several may share the work. Then the best
model by validation of each finished run is evaluated on *common*. The table is printed and written
to OUTPUT/ablation.json: NME, its interval, and the paired difference from the run that it is
compared with.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.geometry.metrics import bootstrap_interval
from asmnet_edge.io.files import make_folder, write_json
from asmnet_edge.io.system import our_python
from asmnet_edge.training.config import read_config

CONFIGS = Path(__file__).parents[1] / "configs"
AGAINST = "against"  # the run that one is compared with
Settings = Mapping[str, Any]


def main() -> None:
    given = arguments()
    base, runs = read_config(given.config), read_config(given.runs)
    if unknown := sorted(set(given.names) - set(runs)):
        sys.exit(f"error: {given.runs} has no {', '.join(unknown)}; it has {', '.join(runs)}")
    make_folder(given.output)
    for name in given.names or runs:
        train(given.output / name, merged(base, runs[name]))
    done = [name for name in runs if (given.output / name / "last.keras").is_file()]
    found = {name: errors_of(given.output / name, given.data) for name in done}
    rows = table(found, {name: runs[name].get(AGAINST) for name in done})
    write_json(given.output / "ablation.json", {"config": base, "runs": runs, "rows": rows})
    for row in rows:
        print(line_of(row))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="runs to train; by default all")
    add("--data", required=True, help="data set to evaluate on, such as 300w:DIR")
    add("--output", type=Path, required=True, help="folder for the runs")
    add("--config", type=Path, default=CONFIGS / "ablation.toml", help="settings of all runs")
    add("--runs", type=Path, default=CONFIGS / "ablation-runs.toml", help="settings of each run")
    return parser.parse_args()


def merged(base: Settings, more: Settings) -> dict[str, Any]:
    """Return the settings of one run: ``base`` changed by ``more``."""
    changes = {key: value for key, value in more.items() if key != AGAINST}
    return {**base, **changes, "variant": {**base.get("variant", {}), **changes.get("variant", {})}}


def train(run: Path, settings: dict[str, Any]) -> None:
    """Train the run in the folder ``run``, or resume it."""
    config = run.with_suffix(".json")
    write_json(config, settings)
    call("train", "--config", str(config), "--output", str(run), "--resume")


def errors_of(run: Path, data: str) -> dict[str, float]:
    """Return the NME in % of each face of *common*, by its name."""
    output = run / "evaluation"
    words = ("--data", data, "--subset", "common", "--no-sensitivity", "--overwrite")
    call("evaluate", str(run / "best.keras"), *words, "--output", str(output))
    content = json.loads((output / "evaluation.json").read_text())
    return dict(content["subsets"][0]["errors"])


def call(*words: str) -> None:
    """Run ``asmnet-edge``; exit with its code if it fails."""
    ended = subprocess.run(our_python("-m", "asmnet_edge", *words), check=False)
    if ended.returncode:
        sys.exit(ended.returncode)


def table(
    found: Mapping[str, Mapping[str, float]], against: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Return a row for each run: NME in %, its interval, and the change from that ``against``."""
    return [row_of(name, found, against[name]) for name in found]


def row_of(
    name: str, found: Mapping[str, Mapping[str, float]], other: str | None
) -> dict[str, Any]:
    errors = np.array(list(found[name].values()))
    row = {
        "run": name,
        "faces": len(errors),
        "nme": float(errors.mean()),
        "nme_interval": bootstrap_interval(errors),
    }
    if other not in found:
        return row
    change = np.array([error - found[other][face] for face, error in found[name].items()])
    interval = bootstrap_interval(change)
    return {**row, AGAINST: other, "change": float(change.mean()), "change_interval": interval}


def line_of(row: Mapping[str, Any]) -> str:
    low, high = row["nme_interval"]
    line = f"{row['run']:20} NME {row['nme']:.2f} % [{low:.2f}, {high:.2f}]"
    if AGAINST in row:
        low, high = row["change_interval"]
        line += f", {row['change']:+.2f} [{low:+.2f}, {high:+.2f}] against {row[AGAINST]}"
    return line


if __name__ == "__main__":
    main()
