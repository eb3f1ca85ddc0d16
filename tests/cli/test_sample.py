"""The sample picture of ``predict --sample``, the first command of the README."""

import json
from pathlib import Path

from click.testing import CliRunner

from asmnet_edge.cli.main import cli
from asmnet_edge.io.files import sample_picture

LIMIT = 150_000  # bytes: the base install stays small


def test_the_sample_is_small() -> None:
    assert sample_picture().stat().st_size < LIMIT


def test_all_faces_of_the_sample_are_found(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["predict", "--sample", "--output", str(tmp_path)])
    assert ended.exit_code == 0, ended.output
    faces = json.loads((tmp_path / "sample-faces.json").read_text())["faces"]
    assert len(faces) == 4
    assert all(face["quality"] >= 0.5 for face in faces)
    assert (tmp_path / "sample-faces.jpg").stat().st_size > 10_000


def test_the_sample_takes_no_sources() -> None:
    ended = CliRunner().invoke(cli, ["predict", "--sample", "photo.jpg"])
    assert ended.exit_code == 2
    assert "photo.jpg" in ended.output


def test_without_a_source_the_error_names_the_sample() -> None:
    ended = CliRunner().invoke(cli, ["predict"])
    assert ended.exit_code == 2
    assert "--sample" in ended.output
