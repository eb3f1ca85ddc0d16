"""``asmnet-edge inspect``: what a file is, without running it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.io.files import SHIPPED_FLOAT, SHIPPED_INT8, sha256, shipped

Run = Callable[..., Any]


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A copy of the shipped artifact with its manifest."""
    for end in ("", ".json"):
        shutil.copy(f"{shipped(SHIPPED_INT8)}{end}", tmp_path)
    return tmp_path / SHIPPED_INT8


def inspected(asmnet_edge: Run, path: Path) -> dict[str, Any]:
    ended = asmnet_edge("inspect", path, "--json")
    assert ended.code == 0
    content: dict[str, Any] = json.loads(ended.out)
    return content


def test_an_artifact_is_described(asmnet_edge: Run, artifact: Path) -> None:
    ended = asmnet_edge("inspect", artifact)
    assert ended.code == 0
    for words in ("TFLite artifact int8", "image uint8 (1, 224, 224, 3)", "landmarks float32",
                  "1,439,507 parameters", "in int8", "faces of 300w", "% of the eye distance",
                  "research use only", "tensorflow", sha256(artifact), "CONV_2D"):  # fmt: skip
        assert words in ended.out
    assert not ended.err


def test_json_describes_the_graph(asmnet_edge: Run, artifact: Path) -> None:
    content = inspected(asmnet_edge, artifact)
    assert content["operators"]["DEPTHWISE_CONV_2D"] == 16
    assert (content["facts_from"], content["doubt"]) == ("beside the file", None)
    assert content["facts"]["precision"] == "int8"
    assert content["files"] == [
        {
            "name": artifact.name,
            "bytes": artifact.stat().st_size,
            "sha256": sha256(artifact),
        }
    ]


def test_the_audit_is_there(asmnet_edge: Run, artifact: Path) -> None:
    counts = inspected(asmnet_edge, artifact)["audit"]["counts"]
    assert counts["total"] == 67
    assert json.loads(asmnet_edge("inspect", artifact, "--json", "--no-audit").out)["audit"] is None


def test_without_a_manifest_the_facts_inside_are_printed(asmnet_edge: Run, artifact: Path) -> None:
    Path(f"{artifact}.json").unlink()
    ended = asmnet_edge("inspect", artifact)
    assert ended.code == 0
    assert "inside the file" in ended.out
    assert "1,439,507 parameters" in ended.out
    assert "not vouched for: " in ended.err
    assert "has no manifest" in ended.err
    # no runtime reads what nobody vouches for
    assert inspected(asmnet_edge, artifact)["audit"] is None


def test_other_bytes_than_the_manifest_names_are_doubted(asmnet_edge: Run, artifact: Path) -> None:
    artifact.write_bytes(artifact.read_bytes() + b"more")
    content = inspected(asmnet_edge, artifact)
    assert content["facts_from"] == "inside the file"
    assert "is not the file that its manifest was written for" in content["doubt"]


def test_a_float_model_is_described(asmnet_edge: Run) -> None:
    ended = asmnet_edge("inspect", shipped(SHIPPED_FLOAT))
    assert ended.code == 0
    for words in ("Keras float model", "architecture asmnet", "32 Conv2D", "research use only"):
        assert words in ended.out


def test_the_facts_of_all_formats_are_read_without_their_packages(
    asmnet_edge: Run, float_file: Path, made: Path
) -> None:
    for suffix in (".tflite", ".onnx", ".xml"):
        path = made / f"tiny-float32{suffix}"
        beside = inspected(asmnet_edge, path)["facts"]
        hidden = path.with_name(f"{path.name}.json")
        hidden.rename(path.with_name("away"))
        inside = inspected(asmnet_edge, path)
        path.with_name("away").rename(hidden)
        assert inside["facts_from"] == "inside the file"
        assert inside["facts"].keys() | {"schema_version"} == beside.keys()
        assert inside["facts"]["source_sha256"] == sha256(float_file)


@pytest.mark.parametrize("suffix", [".tflite", ".onnx", ".xml", ".keras"])
@pytest.mark.parametrize("content", [b"", b"from the internet", bytes(64), b"\xff" * 4096])
def test_a_file_of_another_kind_is_refused(
    asmnet_edge: Run, tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"found{suffix}"
    path.write_bytes(content)
    ended = asmnet_edge("inspect", path)
    assert ended.code == 2
    assert f"found{suffix}" in ended.complaint


@pytest.mark.parametrize("cut", [0.3, 0.7, 0.99])
def test_a_file_that_was_cut_off_is_refused_or_doubted(
    asmnet_edge: Run, artifact: Path, cut: float
) -> None:
    content = artifact.read_bytes()
    artifact.write_bytes(content[: int(cut * len(content))])
    ended = asmnet_edge("inspect", artifact)
    assert ended.code in (0, 2)
    assert ended.err


def test_an_unknown_suffix_lists_the_known(asmnet_edge: Run, letter: Path) -> None:
    ended = asmnet_edge("inspect", letter)
    assert ended.code == 2
    assert "Known: .tflite, .onnx, .xml, .keras" in ended.complaint
