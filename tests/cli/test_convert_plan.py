"""``asmnet-edge convert`` with a goal: a plan, its artifacts, and what they cost on other faces."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from asmnet_edge.cli.convert import command
from asmnet_edge.converters.accuracy.scores import Goal
from asmnet_edge.converters.conversion import ConvertOptions
from asmnet_edge.errors import UsageError
from asmnet_edge.io.manifest import read_manifest


def test_a_goal_that_int8_keeps_anyway_needs_no_block(float_file: Path, tmp_path: Path) -> None:
    words = ["tflite", str(float_file), "--precision", "int8", "--max-deviation", "50"]
    words += ["--data", "synthetic:200", "--faces", "16", "--output", str(tmp_path)]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "no block was needed" in result.stdout
    (path,) = tmp_path.glob("*.tflite")
    assert path.name in result.stdout
    assert read_manifest(path).keep_float == ()
    assert read_manifest(path).repair["chosen_on"] >= 4


def test_a_goal_is_what_the_options_say() -> None:
    assert ConvertOptions().goal is None
    assert ConvertOptions(max_nme_drop=0.03).goal == Goal(max_nme_drop=0.03)
    with pytest.raises(UsageError, match="a goal is for int8"):
        ConvertOptions(precisions=("float32",), max_deviation=0.4)
