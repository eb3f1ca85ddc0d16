"""Safe reading of weights from an untrusted HDF5 file: floating-point numbers and nothing else.

Keras 2's ``model.save`` keeps them under ``model_weights``, ``save_weights`` at the root. The
description of the layers beside them, which may hold code, is not read; links are not followed; and
the HDF5 library, which a broken file may crash, reads in a child process.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError
from asmnet_edge.io.system import spawning

Weights = dict[str, NDArray[np.float32]]

SAVED_MODEL = "model_weights/"
LARGEST = 2**24  # weights in a file; MobileNetV2 has 2.4 million
LARGEST_WITH_STATE = 2**27  # with an optimizer's state beside the weights
UNREADABLE = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # as h5py may raise
CURE = "Expected an .h5 file written by model.save or model.save_weights of Keras 2"
VET_CURE = "Save the network again with Keras 3: model.save('my.keras')"
T = TypeVar("T")


def read_weights(path: Path) -> Weights:
    """Return every weight by its path in the file without ``:0``, such as ``Conv1/Conv1/kernel``.

    `ModelError` when there is no file, or it is not HDF5, truncated, or holds other than weights.
    """
    if not path.is_file():
        raise ModelError(f"there is no file {path}", CURE)
    return _in_child_process(_read, path)


def vet_weights(path: Path) -> None:
    """Raise `ModelError` unless the whole HDF5 file of Keras 3 can be read and holds no link.

    Numbers beside the weights, such as an optimizer's state, are accepted.
    """
    _in_child_process(_vet, path)


def _in_child_process(work: Callable[[Path], T], path: Path) -> T:
    """Return ``work(path)``, computed in a child process; `ModelError` when that crashes."""
    try:
        with ProcessPoolExecutor(1, spawning()) as pool:
            return pool.submit(work, path).result()
    except BrokenProcessPool as error:
        raise ModelError(f"{path} made the HDF5 library crash", CURE) from error


def _vet(path: Path) -> None:
    import h5py

    def linked(name: str, link: Any) -> str | None:
        return None if isinstance(link, h5py.HardLink) else name  # other than None stops the visit

    try:
        with h5py.File(path, "r") as file:
            if name := file.visititems_links(linked):
                raise ValueError(f"{name} is a link")
            datasets = _datasets(file)
            _refuse_other_than_weights(datasets, "fiu", LARGEST_WITH_STATE)
            for dataset in datasets.values():
                dataset[()]
    except UNREADABLE as error:
        raise ModelError(f"its weights cannot be read as HDF5: {error}", VET_CURE) from None


def _read(path: Path) -> Weights:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            datasets = _of_model(_datasets(file))
            _refuse_other_than_weights(datasets)
            return {name.removesuffix(":0"): dataset[()] for name, dataset in datasets.items()}
    except UNREADABLE as error:
        raise ModelError(f"{path} cannot be read as HDF5: {error}", CURE) from None


def _datasets(file: Any) -> dict[str, Any]:
    """All datasets by path; ``visititems`` follows neither soft links nor links to other files."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        if hasattr(item, "shape"):  # a dataset, not a group
            found[name] = item

    file.visititems(note)
    return found


def _of_model(datasets: dict[str, Any]) -> dict[str, Any]:
    """Datasets of the model alone: a saved model may have those of its optimizer beside them."""
    saved = [name for name in datasets if name.startswith(SAVED_MODEL)]
    return {name.removeprefix(SAVED_MODEL): datasets[name] for name in saved} or datasets


def _refuse_other_than_weights(
    datasets: dict[str, Any], kinds: str = "f", most: int = LARGEST
) -> None:
    for name, dataset in datasets.items():
        if dataset.shape is None or dataset.dtype.kind not in kinds:
            raise ValueError(f"{name} is {dataset.dtype}, not floating-point numbers")
        if dataset.external or dataset.is_virtual:
            raise ValueError(f"{name} lies in another file")
    if sum(dataset.size for dataset in datasets.values()) > most:
        raise ValueError(f"it holds more than {most / 1e6:.0f} million numbers")
