"""Checkpoints: everything that the next training step depends on, written atomically."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.files import DAMAGE, write_atomically

KEEP = 2


@dataclass(frozen=True)
class State:
    """State of a run.

    step : steps done; facts : plain values; arrays : lists of arrays by name, in order
    """

    step: int
    facts: dict[str, Any]
    arrays: dict[str, list[FloatArray]]


def save_state(folder: Path, state: State) -> None:
    """Write ``state`` as ``checkpoint-<step>.npz`` and drop all but the newest two."""
    flat = {f"{k}/{i}": a for k, arrays in state.arrays.items() for i, a in enumerate(arrays)}
    counts = {name: len(arrays) for name, arrays in state.arrays.items()}
    facts = json.dumps({"step": state.step, "counts": counts, **state.facts})
    buffer = io.BytesIO()
    np.savez(buffer, facts=np.array(facts), **flat)  # type: ignore[arg-type]
    write_atomically(folder / f"checkpoint-{state.step:08d}.npz", buffer.getvalue())
    for old in _newest_first(folder)[KEEP:]:
        old.unlink()


def load_state(folder: Path) -> tuple[State | None, list[Path]]:
    """Return the newest readable state, if any, and the newer files, which are damaged."""
    damaged: list[Path] = []
    for path in _newest_first(folder):
        try:
            return _read(path), damaged
        except DAMAGE:
            damaged.append(path)
    return None, damaged


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.npz"), reverse=True)


def _read(path: Path) -> State:
    """Read every array by name: a damaged archive directory may omit some without an error."""
    with np.load(path, allow_pickle=False) as stored:
        facts = json.loads(str(stored["facts"]))
        arrays = {
            name: [stored[f"{name}/{i}"] for i in range(count)]
            for name, count in facts.pop("counts").items()
        }
    return State(facts.pop("step"), facts, arrays)
