"""The registry of formats: specifications check themselves, and every reference leads somewhere."""

import ast
from collections.abc import Iterator
from dataclasses import fields, replace
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.converters.batch import by_format
from asmnet_edge.converters.jobs import ConversionJob, exporter_for, jobs_for
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.formats import (
    Precision,
    all_formats,
    all_runtimes,
    find_format,
    format_named,
    format_of,
    resolve,
    runtimes_of,
    suffixes_of,
)
from asmnet_edge.formats.builtin import ONNX, OPENVINO, OPENVINO_RUNTIME, TFLITE

REFERENCES = (
    *("backend", "exporter", "inspector"),
    *("validator", "simulation", "saturation", "network"),
)


@pytest.mark.parametrize("spec", all_formats(), ids=lambda spec: spec.name)
def test_all_that_a_format_refers_to_is_there(spec: Any) -> None:
    for name in REFERENCES:
        if reference := getattr(spec, name):
            assert callable(resolve(reference)) or name == "inspector"
    for runtime in spec.runtimes:
        assert callable(resolve(runtime.backend))
    exporter = exporter_for(spec.name)
    assert exporter.tools
    assert {"read_contents", "read_operators", "probe_runtime"} == {
        field.name for field in fields(resolve(spec.inspector))
    }


def lists_of_formats(source: str) -> Iterator[str]:
    """Collections in ``source`` that hold the names or the suffixes of several formats."""
    names = {spec.name for spec in all_formats()}, {spec.suffix for spec in all_formats()}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            parts = node.keys if isinstance(node, ast.Dict) else node.elts
            found = {p.value for p in parts if isinstance(p, ast.Constant)}
            if any(len(found & known) > 1 for known in names):
                yield ast.unparse(node)


def test_no_module_keeps_a_list_of_formats_of_its_own() -> None:
    # a format that such a list had forgotten was not converted, without an error
    for package in ("asmnet_edge", "asmnet_edge.converters", "asmnet_edge.benchmarks"):
        spec = util.find_spec(package)
        assert spec
        (folder,) = map(Path, spec.submodule_search_locations or ())
        files = sorted(folder.rglob("*.py"))
        assert len(files) > 30
        found = {str(path): [*lists_of_formats(path.read_text("utf-8"))] for path in files}
        assert not {path: lists for path, lists in found.items() if lists}


@pytest.mark.parametrize(
    "source",
    ["('onnx', 'tflite')", "{'.onnx': 1, '.xml': 2}", "f(['tflite', 'openvino'], 3)"],
)
def test_a_list_of_formats_is_noticed(source: str) -> None:
    assert [*lists_of_formats(source)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "all"}, "name is lower case"),
        ({"name": "ONNX"}, "name is lower case"),
        ({"suffix": "onnx"}, "must be like '.onnx'"),
        ({"suffix": ".keras"}, "none of .keras"),
        ({"companions": (".json",)}, "none of .keras"),
        ({"backend": "asmnet_edge.runtime"}, "expected 'module:attribute'"),
        ({"simulation": "nothing"}, "expected 'module:attribute'"),
        ({"precisions": ()}, "needs a precision"),
        ({"runtimes": ()}, "needs a precision and a runtime"),
    ],
)
def test_a_specification_checks_itself(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ONNX, **change)


def test_files_of_an_artifact_are_those_of_its_format() -> None:
    names = [path.name for path in OPENVINO.files(Path("a-int8.xml"))]
    assert names == ["a-int8.bin", "a-int8.xml"]
    assert TFLITE.files(Path("a.tflite")) == [Path("a.tflite")]


@pytest.mark.parametrize("name", ["a.keras", "a.bin", "a.json", "a", "a.toml", ".onnx"])
def test_what_is_no_artifact_has_no_format(name: str) -> None:
    assert find_format(Path(name)) is None
    assert runtimes_of(Path(name)) == ()
    with pytest.raises(ModelError, match="Known: .tflite, .onnx, .xml"):
        format_of(Path(name))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UsageError, match="no format is called 'torch'. Known: tflite, onnx"):
        format_named("torch")


def test_a_runtime_of_several_formats_is_one() -> None:
    assert all_runtimes().count(OPENVINO_RUNTIME) == 1
    assert suffixes_of(OPENVINO_RUNTIME) == (".xml", ".onnx")  # its own first
    assert ONNX.runtime("openvino") is OPENVINO_RUNTIME
    with pytest.raises(UsageError, match="openvino does not run TFLite files. Known: ai-edge"):
        TFLITE.runtime("openvino")


def test_jobs_are_grouped_without_losing_any() -> None:
    jobs = jobs_for([spec.name for spec in all_formats()], ["float32", "int8", "int8-io"])
    groups = by_format(jobs)
    assert [group[0].format for group in groups] == ["openvino", "onnx", "tflite"]
    assert {job for group in groups for job in group} == set(jobs)
    assert sum(map(len, groups)) == len(jobs) == 7


def test_a_precision_that_does_not_exist_lists_the_known() -> None:
    assert jobs_for(["onnx"], ["int8"]) == [ConversionJob("onnx", Precision.INT8)]
    with pytest.raises(UsageError, match="no precision is called 'int4'. Known: float32"):
        jobs_for(["onnx"], ["int4"])
