"""Models on the command line: paths, or the names of shipped ones."""

from pathlib import Path

import pytest

from asmnet_edge.benchmarks.cases import shipped_origin
from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.io.files import SHIPPED_FLOATS, SHIPPED_INT8, shipped


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_bare_name_is_that_of_a_shipped_model() -> None:
    assert MODEL.convert(SHIPPED_INT8, None, None) == shipped(SHIPPED_INT8)


def test_a_file_in_this_folder_has_priority(tmp_path: Path) -> None:
    (tmp_path / SHIPPED_INT8).touch()
    assert MODEL.convert(SHIPPED_INT8, None, None) == Path(SHIPPED_INT8)


@pytest.mark.parametrize("path", [f"./models/{SHIPPED_INT8}", "nowhere.tflite"])
def test_any_other_path_stays_what_it_is(path: str) -> None:
    assert MODEL.convert(path, None, None) == Path(path)


def test_the_float_model_is_the_one_that_an_artifact_was_made_from() -> None:
    for name in SHIPPED_FLOATS:
        artifact = shipped(name.replace(".keras", "-int8.tflite"))
        assert shipped_origin([artifact]) == shipped(name)


def test_without_an_artifact_the_first_float_model_is_used(tmp_path: Path) -> None:
    (tmp_path / "own.tflite.json").write_text("[]")
    for artifacts in ([], [tmp_path / "own.tflite"], [tmp_path / "none.tflite"]):
        assert shipped_origin(artifacts) == shipped(SHIPPED_FLOATS[0])
