"""A format of another package: one folder and one line, and every verb knows it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asmnet_edge.converters.conversion import ConversionEvent, ConvertOptions, convert
from asmnet_edge.errors import UsageError
from asmnet_edge.formats import format_named, format_names, registry
from asmnet_edge.io.manifest import read_manifest
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.backends.backend import run_all

FOLDER = Path(__file__).parents[1] / "toy_format"
LINE = "[asmnet_edge.formats]\ntoy = toy_format:SPEC\n"
FACES = ("--data", "synthetic:12")
Run = Callable[..., Any]


def install(site: Path, line: str) -> None:
    """As pip would: the package, and its line among the facts of its distribution."""
    shutil.copytree(FOLDER, site / "toy_format", ignore=shutil.ignore_patterns("__pycache__"))
    facts = site / "toy_format-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-format\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(line)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    install(folder, LINE)
    return folder


@pytest.fixture(autouse=True)
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On the path of this process and of those that it starts."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.getenv("PYTHONPATH", "")]))
    registry.all_formats.cache_clear()
    yield
    registry.all_formats.cache_clear()


@pytest.fixture(scope="module")
def made(float_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what the tests convert; the first of them fills it."""
    return tmp_path_factory.mktemp("made")


def test_the_registry_lists_it(asmnet_edge: Run) -> None:
    assert format_names() == ("tflite", "onnx", "openvino", "toy")
    assert format_named("toy").label == "Toy"
    ended = asmnet_edge("inspect", "nothing.else")
    assert ended.code == 2
    assert ended.complaint.endswith("Known: .tflite, .onnx, .xml, .toy, .keras")


def test_all_formats_means_it_too(asmnet_edge: Run, float_file: Path, tmp_path: Path) -> None:
    words = ("--precision", "int8", "--output", tmp_path, "--dry-run")
    ended = asmnet_edge("convert", "all", float_file, *words)
    assert ended.code == 0
    assert "tiny-int8.toy" in ended.out
    assert "tiny-int8.xml" in ended.out


def test_it_is_converted_verified_and_inspected(
    asmnet_edge: Run, float_file: Path, tmp_path: Path
) -> None:
    words = ("--output", tmp_path, "--jobs", 2, *FACES)
    ended = asmnet_edge("convert", "toy", float_file, *words)
    assert ended.code == 0, ended.err
    paths = [tmp_path / f"tiny-{precision}.toy" for precision in ("float32", "int8")]
    assert all(path.is_file() for path in paths)
    assert [read_manifest(path).format for path in paths] == ["toy", "toy"]
    ended = asmnet_edge("verify", *paths)
    assert ended.code == 0, ended.err
    assert ended.out.count("verified in numpy") == 2
    ended = asmnet_edge("inspect", paths[1], "--json")
    content = json.loads(ended.out)
    assert (content["kind"], content["facts"]["precision"]) == ("Toy artifact", "int8")
    assert content["audit"]["runtime"] == f"numpy {np.__version__}"
    assert content["operators"]["Conv2D"] > 30


def test_formats_converted_in_parallel_miss_none(float_file: Path, made: Path) -> None:
    # a format that only one list had forgotten was left out here without a word
    events: list[ConversionEvent] = []
    options = ConvertOptions(
        formats=("tflite", "toy"), output=made, data="synthetic:12", processes=2
    )
    report = convert(float_file, options, events.append)
    names = ["float32.tflite", "int8.tflite", "float32.toy", "int8.toy"]
    assert [path.name for path in report.paths] == [f"tiny-{name}" for name in names]
    assert all(path.is_file() for path in report.paths)
    assert [event.total for event in events if event.kind == "finished"] == [4] * 4


def test_it_computes_what_tflite_does(made: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    landmarks = [
        run_all(open_artifact(made / f"tiny-float32{suffix}").backend, crops)[0]
        for suffix in (".toy", ".tflite")
    ]
    np.testing.assert_allclose(*landmarks, atol=1e-4)


def test_it_predicts(asmnet_edge: Run, made: Path, face_file: Path, tmp_path: Path) -> None:
    words = ("--model", made / "tiny-int8.toy", "--detector", "none", "--output", tmp_path)
    ended = asmnet_edge("predict", face_file, *words)
    assert ended.code == 0, ended.err
    (path,) = tmp_path.glob("*-faces.json")
    (face,) = json.loads(path.read_text())["faces"]
    assert np.shape(face["landmarks"]) == (68, 2)


def test_it_is_benchmarked(asmnet_edge: Run, made: Path, tmp_path: Path) -> None:
    artifacts = [made / f"tiny-{name}" for name in ("float32.toy", "int8.toy", "int8.tflite")]
    words = ("--data", "synthetic:4", "--subset", "test", "--no-float", "--runtimes", "all")
    quick = ("--queries", "4", "--seconds", "0", "--no-cold")
    record = tmp_path / "record.json"
    ended = asmnet_edge("benchmark", "run", *artifacts, *words, *quick, "--output", record)
    assert ended.code == 0, ended.err
    rows = json.loads(record.read_text())["results"]
    found = [(row["format"], row["precision"], row["runtime"].split()[0]) for row in rows]
    assert found[:2] == [("toy", "float32", "numpy"), ("toy", "int8", "numpy")]
    assert rows[1]["accuracy"]["nme_drop"] is not None


def test_the_doctor_tries_its_runtime(asmnet_edge: Run) -> None:
    ended = asmnet_edge("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(ended.out)}
    assert found["NumPy"]["state"] == "ok"
    assert "runs .toy" in found["NumPy"]["message"]


# what packages may register by mistake


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("toy = toy_format:GONE", "the format toy .* cannot be loaded"),
        ("toy = toy_format.gone:SPEC", "the format toy .* cannot be loaded"),
        ("toy = toy_format:NUMPY", "is no FormatSpec"),
        ("a = toy_format:SPEC\nb = asmnet_edge.formats.builtin:ONNX", "onnx .* and onnx .* clash"),
    ],
)
def test_a_line_that_cannot_be_used_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    (tmp_path / "bad-1.0.dist-info").mkdir()
    facts = tmp_path / "bad-1.0.dist-info"
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[asmnet_edge.formats]\n{line}\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry.all_formats.cache_clear()
    with pytest.raises(UsageError, match=message):
        format_names()
