"""Thousands of broken artifacts: refused without ``trust``, survived with it.

    python tests/runtime/soak_artifacts.py ARTIFACT --count 2000 --trusted 200

Without trust no runtime may be loaded at all. With it, a refusal must be one line, and this process
must go on.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from asmnet_edge.errors import ModelError
from asmnet_edge.io.manifest import artifact_files, manifest_path
from asmnet_edge.runtime import artifact as artifact_module


def mutate(content: bytes, rng: random.Random) -> bytes:
    """``content`` with a few bytes changed, cut off, doubled, or nothing but noise."""
    how = rng.randrange(6)
    changed = bytearray(content)
    head = min(len(changed), 4096)
    if how == 0:
        return content[: rng.randrange(len(content))]
    if how == 1:
        return rng.randbytes(rng.randrange(1, 4096))
    if how == 2:
        start = rng.randrange(len(changed))
        changed[start:start] = changed[start : start + rng.randrange(1, 4096)]
    for _ in range(rng.choice((1, 4, 64))):
        # headers and tables lie at the start and end of all three formats
        place = rng.choice((rng.randrange(head), len(changed) - 1 - rng.randrange(head),
                            rng.randrange(len(changed))))  # fmt: skip
        changed[place] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(changed) if bytes(changed) != content else content[:-1]


def soak(artifact: Path, count: int, trusted: int, seed: int = 0) -> dict[str, Any]:
    """What became of ``count`` broken copies without trust, and of ``trusted`` with it."""
    rng, outcome = random.Random(seed), Counter[str]()
    loaded: list[Path] = []
    load = artifact_module.open_backend
    artifact_module.open_backend = lambda path, *rest: (loaded.append(path), load(path, *rest))[1]
    start = time.monotonic()
    try:
        for number in range(count + trusted):
            trust = number >= count
            with tempfile.TemporaryDirectory() as folder:
                path = broken(artifact, Path(folder), rng, trust)
                became = tried(path, trust)
                # a manifest may be changed in facts that do not matter: then the files are whole
                if not trust and loaded:
                    became = "whole after all"
                    assert same(path, artifact), f"a runtime saw number {number} (seed {seed})"
                outcome[f"{'with' if trust else 'without'} trust, {became}"] += 1
            loaded.clear()
    finally:
        artifact_module.open_backend = load
    return {**outcome, "seconds": round(time.monotonic() - start, 1)}


def broken(artifact: Path, folder: Path, rng: random.Random, trust: bool) -> Path:
    """A copy of which a file is broken: that of the network, or without trust the manifest too."""
    paths = artifact_files(artifact)
    for path in (*paths, *([] if trust else [manifest_path(artifact)])):
        shutil.copy(path, folder / path.name)
    victims = [*paths, *([] if trust else [manifest_path(artifact)])]
    victim = folder / rng.choice(victims).name
    victim.write_bytes(mutate(victim.read_bytes(), rng))
    return folder / artifact.name


def same(one: Path, other: Path) -> bool:
    pairs = zip(artifact_files(one), artifact_files(other), strict=True)
    return all(a.read_bytes() == b.read_bytes() for a, b in pairs)


def tried(path: Path, trust: bool) -> str:
    try:
        opened = artifact_module.open_artifact(path, trust=trust)
    except ModelError as error:
        assert "\n" not in str(error), str(error)
        return "refused"
    if trust:
        size = opened.manifest.crop_rule.size
        import numpy as np

        opened.backend.run(np.full((1, size, size, 3), 128, np.uint8))
    return "taken"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--trusted", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(soak(options.artifact, options.count, options.trusted, options.seed))
