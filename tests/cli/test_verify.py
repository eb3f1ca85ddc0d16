"""``asmnet-edge verify``: on any machine with the runtime, the artifact and its manifest."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.io.manifest import manifest_path, read_manifest

Run = Callable[..., Any]


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of an artifact with all that belongs to it."""

    def of(name: str) -> Path:
        for file in made.glob(f"{Path(name).stem}.*"):
            shutil.copy(file, tmp_path)
        return tmp_path / name

    return of


def change(path: Path, **facts: Any) -> None:
    """Change facts of the manifest beside ``path``."""
    replace(read_manifest(path), **facts).save(path)


def test_a_converted_artifact_passes(asmnet_edge: Run, made: Path) -> None:
    files = sorted(p for s in (".tflite", ".onnx", ".xml") for p in made.glob(f"*{s}"))
    assert len(files) == 4
    ended = asmnet_edge("verify", *files)
    assert ended.code == 0
    assert ended.out.count("verified in ") == 4
    assert "68 landmarks and pose out" in ended.out
    assert not ended.err


def test_json_has_each_check_and_both_parities(asmnet_edge: Run, made: Path) -> None:
    ended = asmnet_edge("verify", made / "tiny-int8.tflite", "--json")
    content = json.loads(ended.out)
    assert content["passed"] is content["computes_as_made"] is True
    assert [check["name"] for check in content["checks"]] == ["hash", "contract", "parity"]
    here, there = content["parity"], content["parity_where_made"]
    assert here["mean_px"] == pytest.approx(there["mean_px"], rel=0.01)
    assert here["mean_px"] > 0
    assert "litert" in content["runtime"]


@pytest.mark.parametrize("name", ["tiny-float32.onnx", "tiny-int8.tflite"])
def test_the_other_arithmetic_is_reported_too(asmnet_edge: Run, made: Path, name: str) -> None:
    ended = asmnet_edge("verify", made / name)
    assert "px from the float model on test patterns, " in ended.out
    assert "VNNI" in ended.out
    content = json.loads(asmnet_edge("verify", made / name, "--json").out)
    assert content["arithmetic"] in ("exact", "saturating")
    assert content["parity_in_other_arithmetic"] == content["parity"]  # nothing in them saturates


def test_another_byte_is_found(asmnet_edge: Run, copy: Callable) -> None:
    path = copy("tiny-float32.onnx")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    ended = asmnet_edge("verify", path)
    assert ended.code == 1
    assert "FAILED its hash: " in ended.out
    assert "not verified: tiny-float32.onnx" in ended.complaint


def test_a_missing_manifest_is_refused(asmnet_edge: Run, copy: Callable) -> None:
    path = copy("tiny-float32.tflite")
    manifest_path(path).unlink()
    ended = asmnet_edge("verify", path)
    assert ended.code == 1
    assert "has no manifest tiny-float32.tflite.json beside it" in ended.out


def test_a_manifest_of_another_model_is_found(asmnet_edge: Run, copy: Callable) -> None:
    path = copy("tiny-float32.tflite")
    change(path, licence="do what you like")
    ended = asmnet_edge("verify", path)
    assert ended.code == 1
    assert "the facts inside the file are not those of its manifest" in ended.out


# facts inside agree with those beside in what follows: as if the machine computed otherwise


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    from asmnet_edge.converters.checks import verify

    def beside(path: Path) -> Any:
        return replace(read(path), facts=json.loads(manifest_path(path).read_text()), operators={})

    read = verify.read_contents
    monkeypatch.setattr(verify, "read_contents", beside)


def moved(path: Path, pixels: float) -> dict[str, Any]:
    """The fingerprint of ``path`` with all landmarks of the float model so far away."""
    print_ = dict(read_manifest(path).fingerprint)
    print_["landmarks"] = [[[x + pixels / 96, y] for x, y in face] for face in print_["landmarks"]]
    return print_


@pytest.mark.parametrize("name", ["tiny-float32.tflite", "tiny-float32.onnx", "tiny-float32.xml"])
def test_results_too_far_from_the_float_model_fail(
    asmnet_edge: Run, copy: Callable, trusting: None, name: str
) -> None:
    path = copy(name)
    change(path, fingerprint=moved(path, 0.5))
    ended = asmnet_edge("verify", path)
    assert ended.code == 1
    assert "FAILED its parity" in ended.out
    assert "deviates by 0.50" in ended.out


def test_results_a_little_further_than_at_conversion_pass_with_a_note(
    asmnet_edge: Run, copy: Callable, trusting: None
) -> None:
    path = copy("tiny-float32.tflite")
    change(path, fingerprint=moved(path, 0.015))
    ended = asmnet_edge("verify", path)
    assert ended.code == 0
    assert "computes differently here: 0.015" in ended.err


def test_a_manifest_of_before_saturation_was_measured_is_still_read(
    asmnet_edge: Run, copy: Callable, trusting: None
) -> None:
    path = copy("tiny-int8.tflite")
    old = dict(read_manifest(path).fingerprint)
    del old["made_saturating"]
    parity = {k: v for k, v in read_manifest(path).parity.items() if k != "saturating"}
    change(path, fingerprint=old, parity=parity)
    assert asmnet_edge("verify", path).code == 0
    assert "without VNNI" not in asmnet_edge("inspect", path).out


def test_without_a_fingerprint_it_is_not_verified(
    asmnet_edge: Run, copy: Callable, trusting: None
) -> None:
    path = copy("tiny-float32.tflite")
    change(path, fingerprint={})
    ended = asmnet_edge("verify", path)
    assert ended.code == 1
    assert "has no fingerprint" in ended.out
    assert "asmnet-edge convert" in ended.out


@pytest.mark.parametrize("damage", [{"landmarks": [[1]]}, {"pose": "x"}, {"made": {}}], ids=str)
def test_a_damaged_fingerprint_is_refused(
    asmnet_edge: Run, copy: Callable, trusting: None, damage: dict
) -> None:
    path = copy("tiny-float32.tflite")
    change(path, fingerprint={**read_manifest(path).fingerprint, **damage})
    ended = asmnet_edge("verify", path)
    assert ended.code == 1
    assert "fingerprint is damaged" in ended.out


def test_one_bad_file_does_not_cost_the_others(asmnet_edge: Run, made: Path, letter: Path) -> None:
    ended = asmnet_edge("verify", letter, made / "tiny-int8.tflite")
    assert ended.code == 1
    assert "letter.txt: FAILED its hash" in ended.out
    assert "tiny-int8.tflite: verified" in ended.out
