"""The samples of CONTRIBUTING.md: each new file, with its line, does what the page promises."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, ModuleType

import numpy as np
import pytest
import toy_format

from asmnet_edge.datasets.catalog import DATASETS, open_dataset
from asmnet_edge.datasets.pack import make_pack
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.geometry.metrics import METRICS
from asmnet_edge.geometry.schemes import SCHEMES, scheme_named
from asmnet_edge.io.registry import Entry, Registry
from asmnet_edge.runtime import detector
from asmnet_edge.runtime.detector import FaceDetector

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="this test runs outside a checkout")


def samples(heading: str) -> list[str]:
    """Return the Python blocks of the page's section ``heading``."""
    section = PAGE.read_text(encoding="utf-8").split(f"### {heading}\n")[1].split("\n##")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def new_file(sample: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return ``sample`` as the module that its first line names, importable in this test."""
    path = sample.splitlines()[0].removeprefix("# ")
    assert not (PAGE.parent / path).exists(), "the name of a sample is that of a real file"
    module = ModuleType(path.removesuffix(".py").replace("/", "."))
    exec(compile(sample, path, "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@contextmanager
def with_line(registry: Registry, line: str) -> Iterator[None]:
    """Add the `Entry` that ``line`` writes to ``registry`` for the duration of the block."""
    (entry,) = eval(f"[{line}]", {"Entry": Entry})
    registry.add(entry)
    try:
        yield
    finally:
        registry.remove(entry.name)


def test_the_format(monkeypatch: pytest.MonkeyPatch) -> None:
    (sample,) = samples("Add a model format")
    assert new_file(sample, monkeypatch).TOY == toy_format.SPEC


def test_the_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, line = samples("Add a data set")
    new_file(sample, monkeypatch)
    with with_line(DATASETS, line):
        dataset = open_dataset("grey:3")
        assert len(make_pack(dataset.samples("train"))) == 3
    assert "grey" not in DATASETS


def test_the_landmark_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, line = samples("Add a landmark scheme")
    scheme = new_file(sample, monkeypatch).TRIANGLE
    with with_line(SCHEMES, line):
        assert scheme_named("triangle3") is scheme


def test_the_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    new_file(samples("Add a landmark scheme")[0], monkeypatch)
    scheme = sys.modules["asmnet_edge.geometry.triangle"].TRIANGLE
    sample, line = samples("Add a metric")
    new_file(sample, monkeypatch)
    truth, pose = np.array([[[0, 0], [4, 0], [2, 3.0]]]), np.zeros((1, 3))
    predicted = truth + np.array([[0, 0], [0, 0], [0, 2.0]])
    with with_line(METRICS, line):
        found = metrics.figures(metrics.Comparison(predicted, truth, pose, pose, scheme))
    assert found["worst_point"] == 0.5


def test_the_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, line = samples("Add a detector")
    new_file(sample, monkeypatch)
    lines = MappingProxyType({**detector.DETECTORS, **eval(f"{{{line}}}")})
    monkeypatch.setattr(detector, "DETECTORS", lines)
    picture = np.zeros((60, 80, 3), np.uint8)
    assert FaceDetector("middle").detect(picture) == [Box(20, 15, 40, 30)]
