"""The audit: what is really int8, why the rest is not, how it runs here."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.inspection import audit as acceleration
from asmnet_edge.converters.inspection.audit import Audit, Operator, audit, is_among
from asmnet_edge.converters.jobs import Recipe, exporter_for
from asmnet_edge.converters.onnx.wire_format import read_onnx
from asmnet_edge.converters.openvino import openvino_inspector as audit_openvino
from asmnet_edge.converters.tflite import tflite_inspector as audit_tflite
from asmnet_edge.errors import ModelError
from asmnet_edge.io import system
from asmnet_edge.io.manifest import Precision

Find = Callable[[str, str], Path]
FORMATS = pytest.mark.parametrize("name", ["tflite", "onnx", "openvino"])
IN_INT8 = {"tflite": 65, "onnx": 65, "openvino": 64}


# what the file asks for


@FORMATS
def test_all_but_the_heads_are_int8(artifacts: Find, name: str) -> None:
    found = audit(artifacts(name, "int8"), run=False)
    assert found.counts == {"total": 67, "int8": IN_INT8[name]}
    assert found.share_of_operators == IN_INT8[name] / 67
    heads = [reason for reason in found.islands if reason.startswith("head")]
    assert len(heads) == 1
    assert len(found.islands[heads[0]]) == 2


def test_the_islands_have_reasons(artifacts: Find) -> None:
    islands = audit(artifacts("openvino", "int8"), run=False).islands
    assert islands.keys() == {"head, float by design", "only the float heads take it"}


@FORMATS
def test_a_float_file_has_no_int8(artifacts: Find, name: str) -> None:
    found = audit(artifacts(name, "float32"), run=False)
    assert found.counts == {"total": 67, "int8": 0}
    assert not found.islands  # it is all one
    assert {operator.why for operator in found.operators} == {"a float artifact"}


@FORMATS
def test_multiply_adds_are_the_networks(artifacts: Find, graph: InferenceGraph, name: str) -> None:
    found = audit(artifacts(name, "int8"), run=False)
    assert sum(o.multiply_adds or 0 for o in found.operators) == graph.multiply_adds
    heads = 2 * 68 * graph.model.network.get_layer("features").output.shape[-1] * (139 / 136)
    share = found.share_of_multiply_adds
    assert share == pytest.approx(1 - heads / graph.multiply_adds, abs=1e-6)


def test_scaling_pixels_another_way_hides_no_convolution(
    graph_of_unit_pixels: InferenceGraph, calibration: CalibrationSet, tmp_path: Path
) -> None:
    # NNCF then puts a Transpose between the FakeQuantize and the first convolution
    path = tmp_path / "official.xml"
    recipe = Recipe(Precision.INT8, calibration)
    exporter_for("openvino").export(graph_of_unit_pixels, recipe, path)
    assert audit(path, run=False).counts == {"total": 67, "int8": 64}


def test_layers_kept_by_plan_are_distinguished_from_failures() -> None:
    name = "3 asmnet_1/block_3_depthwise_relu_1/Relu6;asmnet_1/block_3_depthwise_1/BiasAdd"
    assert is_among(name, {"block_3_depthwise"})
    assert is_among("asmnet_1/pool_1_1/Mean", {"pool_1"})
    assert not is_among(name, {"block_3", "block_3_expand", "block_13_depthwise"})


# how it runs here


@FORMATS
def test_what_is_written_as_int8_runs_as_int8(artifacts: Find, name: str) -> None:
    found = audit(artifacts(name, "int8"))
    assert found.runtime
    assert found.runs_in_int8 == IN_INT8[name]
    assert any("CPU" in note for note in found.notes)
    assert audit(artifacts(name, "float32")).runs_in_int8 == 0


def test_xnnpack_takes_all_but_the_wide_concatenation(artifacts: Find) -> None:
    notes = audit(artifacts("tflite", "int8")).notes
    assert "XNNPACK takes 66 of 67 computing operators" in notes
    assert any("features" in note and "own kernels" in note for note in notes)


def test_without_delegation_nothing_is_taken() -> None:
    wires = {"inputs": np.array([0]), "outputs": np.array([1])}
    alone = {"index": 0, "op_name": "CONV_2D", **wires}
    assert audit_tflite._delegated([alone]) == set()
    assert audit_tflite._delegated([alone, {"index": 1, "op_name": "DELEGATE", **wires}]) == {0}


def test_the_old_runtime_on_x86_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_tflite, "is_x86", lambda: True)
    assert "does not accelerate int8" in audit_tflite._notes("tflite-runtime 2.14", 67, [])[0]
    assert "does not" not in audit_tflite._notes("ai-edge-litert 2.3", 67, [])[0]


def test_openvino_on_arm_promises_nothing(artifacts: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_openvino, "is_arm", lambda: True)
    notes = audit(artifacts("openvino", "int8")).notes
    assert notes == ("OpenVINO runs int8 IR in floating point on ARM: expect no gain from int8",)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_saturation_is_noted_where_vnni_is_missing(
    artifacts: Find, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(system, "is_x86", lambda: True)
    monkeypatch.setattr(system, "features", lambda: frozenset({"avx2", "avx512f"}))
    notes = " ".join(audit(artifacts(name, "int8")).notes)
    assert "saturate" in notes
    assert "no VNNI" in notes
    monkeypatch.setattr(system, "features", lambda: frozenset({"avx2", "avx_vnni"}))
    notes = " ".join(audit(artifacts(name, "int8")).notes)
    assert "saturate" not in notes
    assert "avx_vnni" in notes


@pytest.mark.parametrize(
    ("line", "x86", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512_vnni", True, "avx512_vnni"),
        ("Features\t: fp asimd asimddp", False, "asimddp"),
        ("Features\t: fp asimd", False, "no dot product"),
    ],
)
def test_cpu_features_are_read(
    line: str, x86: bool, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\nbugs\t: none\n")
    found = system.features(tmp_path / "cpuinfo")
    assert found == frozenset(line.split(": ")[1].split())
    monkeypatch.setattr(system, "features", lambda: found)
    monkeypatch.setattr(system, "is_x86", lambda: x86)
    assert expected in acceleration.cpu_notes()[0]


def test_a_system_without_cpuinfo_is_no_error(tmp_path: Path) -> None:
    assert system.features(tmp_path / "nowhere") is None


# where something is missing


def test_without_its_reader_there_is_a_note(
    artifacts: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    found = audit(artifacts("tflite", "int8"))
    assert not found.possible
    assert "ai_edge_litert" in found.notes[0]
    assert found.as_json()["possible"] is False


@pytest.mark.parametrize("name", ["tflite", "onnx", "openvino"])
def test_it_needs_nothing_heavy(artifacts: Find, name: str) -> None:
    path = artifacts(name, "int8")
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from asmnet_edge.converters.inspection.audit import audit\n"
        f"assert audit(Path({str(path)!r})).counts['int8'] > 60\n"
        "print({n.split('.')[0] for n in sys.modules} & "
        "{'tensorflow', 'keras', 'onnx', 'nncf', 'ai_edge_quantizer'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


# the parts


def test_shares_of_a_small_audit() -> None:
    found = Audit((
        Operator("a", "Conv", True, 300, runs="int8"),
        Operator("b", "Conv", True, 100, runs="f32"),
        Operator("c", "Gemm", False, 100, "head, float by design"),
    ))  # fmt: skip
    assert found.share_of_multiply_adds == 0.8
    assert found.runs_in_int8 == 1
    assert found.islands == {"head, float by design": ["c"]}
    unknown = replace(found.operators[0], multiply_adds=None)
    assert Audit((unknown,)).share_of_multiply_adds is None


def test_onnx_files_are_read_as_onnx_reads_them(artifacts: Find) -> None:
    content = artifacts("onnx", "int8").read_bytes()
    ours, theirs = read_onnx(content), onnx.load_from_string(content).graph
    assert [(n.name, n.kind, list(n.inputs), list(n.outputs)) for n in ours.nodes] == [
        (n.name, n.op_type, list(n.input), list(n.output)) for n in theirs.node
    ]
    assert ours.constants == {t.name: tuple(t.dims) for t in theirs.initializer}
    assert ours.types == {t.name: t.data_type for t in theirs.initializer}
    assert ours.shapes["image"] == (1, 96, 96, 3)


@pytest.mark.parametrize("content", [b"", b"\x3a\xff", b"no such file", b"\x3a\x05\x0a"])
def test_what_is_no_onnx_file_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="not an ONNX file"):
        read_onnx(content)
