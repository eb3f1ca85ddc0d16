"""Manifests: read first, and accepted only with the files that they were written for."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import sha256
from asmnet_edge.io.manifest import (
    ArtifactManifest,
    Precision,
    manifest_path,
    read_manifest,
    without_companions,
)

FACTS = ArtifactManifest(
    format="openvino",
    precision=Precision.INT8,
    model={"architecture": "asmnet", "alpha": 1.0, "input_size": 224, "points": 68},
    scheme="ibug68",
    crop={"margin": 1.25, "size": 224},
    inputs=({"name": "image", "type": "uint8", "shape": [1, 224, 224, 3]},),
    outputs=({"name": "landmarks", "type": "float32", "shape": [1, 68, 2]},),
    parameters=1439507,
    multiply_adds=256495816,
    operators={"total": 67, "int8": 65},
    calibration={"source": "dots", "count": 3, "sha256": "00"},
    source_sha256="ff",
    provenance={"faces": "Gesichter, visages, 顔"},
    licence="free",
    tools={"asmnet-edge": "0.1.0"},
)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """An artifact of two files with its manifest."""
    path = tmp_path / "model.xml"
    path.write_text("<net/>")
    path.with_suffix(".bin").write_bytes(b"weights")
    FACTS.sealed([path.with_suffix(".bin"), path]).save(path)
    return path


@pytest.fixture
def with_facts(artifact: Path) -> Callable[..., Path]:
    """The artifact with some facts of its manifest changed."""

    def change(**facts: Any) -> Path:
        beside = manifest_path(artifact)
        beside.write_text(json.dumps({**json.loads(beside.read_text()), **facts}))
        return artifact

    return change


# what is written is read


def test_a_manifest_survives_saving(artifact: Path) -> None:
    assert read_manifest(artifact) == FACTS.sealed([artifact.with_suffix(".bin"), artifact])


def test_it_knows_its_files(artifact: Path) -> None:
    weights, graph = read_manifest(artifact).files
    assert weights == {
        "name": "model.bin",
        "bytes": 7,
        "sha256": sha256(artifact.with_suffix(".bin")),
    }
    assert graph["name"] == "model.xml"
    assert read_manifest(artifact).bytes == 7 + 6


def test_names_become_what_they_name(artifact: Path) -> None:
    manifest = read_manifest(artifact)
    assert manifest.precision is Precision.INT8
    assert manifest.landmark_scheme is IBUG68
    assert manifest.crop_rule == CropRule(margin=1.25, size=224)


def test_a_manifest_may_require_upright_crops(with_facts: Callable) -> None:
    rule = CropRule(margin=1.3, size=128, upright=True)
    assert read_manifest(with_facts(crop=asdict(rule))).crop_rule == rule
    # and older ones, which say nothing of it, do not
    assert not read_manifest(with_facts(crop={"margin": 1.3, "size": 128})).crop_rule.upright


def test_it_lies_beside_the_artifact(artifact: Path) -> None:
    assert manifest_path(artifact) == artifact.parent / "model.xml.json"
    names = {path.name for path in artifact.parent.iterdir()}
    assert names == {"model.xml", "model.bin", "model.xml.json"}


def test_embedded_facts_do_not_depend_on_the_final_bytes(artifact: Path) -> None:
    facts = json.loads(read_manifest(artifact).embedded())
    assert facts == json.loads(FACTS.embedded())
    assert facts.keys() == asdict(FACTS).keys() - {"files"}
    assert facts["provenance"] == {"faces": "Gesichter, visages, 顔"}


def test_unknown_facts_are_ignored(with_facts: Callable) -> None:
    assert read_manifest(with_facts(colour="blue")).format == "openvino"


# refused manifests


def test_a_missing_artifact_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no artifact at .*gone\.onnx.*asmnet-edge convert"):
        read_manifest(tmp_path / "gone.onnx")


def test_a_missing_manifest_is_reported(artifact: Path) -> None:
    manifest_path(artifact).unlink()
    with pytest.raises(ModelError, match=r"no manifest model\.xml\.json beside it\. Copy both"):
        read_manifest(artifact)


def test_a_missing_bin_file_is_reported(artifact: Path) -> None:
    artifact.with_suffix(".bin").unlink()
    with pytest.raises(ModelError, match=r"model\.bin is missing\. .*copy it too"):
        read_manifest(artifact)


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("content", [b"WEIGHTS", b"<NET/>", b"", b"weights and more"])
def test_other_bytes_are_refused(artifact: Path, suffix: str, content: bytes) -> None:
    artifact.with_suffix(suffix).write_bytes(content)
    with pytest.raises(ModelError, match=r"not the file that its manifest was .*convert again"):
        read_manifest(artifact)


def test_a_manifest_of_another_file_is_refused(artifact: Path) -> None:
    other = artifact.with_name("other.xml")
    other.write_bytes(artifact.read_bytes())
    manifest_path(other).write_bytes(manifest_path(artifact).read_bytes())
    with pytest.raises(ModelError, match=r"does not list other\.bin, other\.xml"):
        read_manifest(other)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '"text"', "{}", '{"schema_version": 1}']
)
def test_foreign_json_is_no_manifest(artifact: Path, text: str) -> None:
    manifest_path(artifact).write_text(text)
    with pytest.raises(ModelError, match=r"model\.xml\.json is not a manifest of asmnet-edge"):
        read_manifest(artifact)


def test_bytes_that_are_no_text_are_no_manifest(artifact: Path) -> None:
    manifest_path(artifact).write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ModelError, match="is not a manifest of asmnet-edge"):
        read_manifest(artifact)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_schema_version_is_refused(with_facts: Callable, version: object) -> None:
    with pytest.raises(ModelError, match=f"schema version {version!r} is not known"):
        read_manifest(with_facts(schema_version=version))


@pytest.mark.parametrize(
    "facts",
    [
        {"precision": "int4"},
        {"files": []},
        {"files": "model.xml"},
        {"files": [{"name": "model.xml"}]},
        {"files": [{"name": "model.xml", "bytes": 6}]},
        {"files": [3]},
        {"crop": {"margin": 1.25, "size": 224, "upright": "yes"}},
    ],
    ids=str,
)
def test_facts_that_make_no_sense_are_refused(with_facts: Callable, facts: dict) -> None:
    with pytest.raises(ModelError, match="is not a manifest of asmnet-edge"):
        read_manifest(with_facts(**facts))


@pytest.mark.parametrize("missing", ["format", "precision", "scheme", "crop", "files", "tools"])
def test_a_missing_fact_is_named(artifact: Path, missing: str) -> None:
    beside = manifest_path(artifact)
    facts = json.loads(beside.read_text())
    del facts[missing]
    beside.write_text(json.dumps(facts))
    with pytest.raises(ModelError, match=f"is not a manifest of asmnet-edge: .*{missing}"):
        read_manifest(artifact)


def test_a_name_cannot_lead_out_of_the_folder(artifact: Path, with_facts: Callable) -> None:
    # the file's own name counts, wherever the path before it points
    secret = artifact.parent.parent / "secret"
    secret.write_text("secret")
    own = json.loads(manifest_path(artifact).read_text())["files"]
    listed = {"name": "../secret", "bytes": 6, "sha256": sha256(secret)}
    with pytest.raises(ModelError, match=r"secret is missing"):
        read_manifest(with_facts(files=[*own, listed]))


def test_files_that_belong_to_artifacts_are_left_out_of_a_glob() -> None:
    named = [Path(f"made/{n}") for n in ("a.bin", "a.xml", "a.xml.json", "b.onnx", "b.onnx.json")]
    assert without_companions(named) == (Path("made/a.xml"), Path("made/b.onnx"))
    alone = [Path("made/a.bin"), Path("made/c.onnx.json"), Path("b.onnx")]
    assert without_companions(alone) == tuple(
        alone
    )  # companions of no artifact: refused when they are opened
