"""``python -m asmnet_edge.training.accelerated.prepare FOLDER NAME=DATASET@SIZE:QUALITY:PERCENT``.

Packs for a session on a GPU: for each data set the faces to train on, and for those with a
percentage above 0 the people held out. A photo of a held-out face is in no pack to train on.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.datasets.pack import PACK_RULE, Pack, make_pack
from asmnet_edge.datasets.pack_file import PackFacts, write_pack
from asmnet_edge.datasets.splits import hold_out
from asmnet_edge.geometry.crop import CropRule


@dataclass(frozen=True)
class PackOptions:
    """Options of a pack.

    name : of the files; words : the data set; percent : of identities held out, 0 for none
    """

    name: str
    words: str
    size: int
    quality: int
    percent: float

    @classmethod
    def parse(cls, argument: str) -> PackOptions:
        name, _, rest = argument.partition("=")
        words, _, numbers = rest.partition("@")
        size, quality, percent = numbers.split(":")
        return cls(name, words, int(size), int(quality), float(percent))


def main() -> None:
    folder, *arguments = sys.argv[1:]
    for argument in arguments:
        prepare(Path(folder), PackOptions.parse(argument))


def prepare(folder: Path, options: PackOptions) -> None:
    """Write ``NAME-train.npz`` and, where faces are held out, ``NAME-held.npz``."""
    folder.mkdir(parents=True, exist_ok=True)
    rule = CropRule(PACK_RULE.margin, options.size)
    dataset = open_dataset(options.words)
    samples = dataset.samples("train")
    pack = make_pack(samples, rule=rule, quality=options.quality)
    facts = PackFacts.of(dataset, "train", samples, rule, options.quality)
    parts = {"train": pack}
    if options.percent:
        ((train, held),) = hold_out([pack], options.percent)
        parts = {"train": train, "held": held}
    for part, faces in parts.items():
        path = folder / f"{options.name}-{part}.npz"
        write_pack(path, faces, facts)
        print(f"{path}: {len(faces)} faces, {path.stat().st_size / 2**20:.1f} MiB")


def first(pack: Pack, count: int) -> Pack:
    """The first faces of ``pack``, for a dry run."""
    return pack.select(np.arange(min(count, len(pack))))


if __name__ == "__main__":
    main()
