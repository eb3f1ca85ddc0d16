"""Configuration: the shipped files are valid, a command wins over its file, mistakes are named."""

from dataclasses import fields
from pathlib import Path

import pytest

from asmnet_edge.cli.train import command
from asmnet_edge.errors import UsageError
from asmnet_edge.training.config import (
    OF_VARIANT,
    DataShare,
    Overrides,
    TrainConfig,
    read_config,
)

FOLDER = Path(__file__).parents[2] / "configs"
CONFIGS = sorted(
    {*FOLDER.glob("asmnet68*.toml")} - {FOLDER / "asmnet68-tune.toml"}
)  # of a GPU plan
DATA = {"data": [{"dataset": "synthetic:8"}]}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_shipped_configurations_are_valid(path: Path) -> None:
    config = Overrides(data=("synthetic:8",)).over(read_config(path))
    assert TrainConfig.from_json(config.as_json()) == config


def test_a_command_wins_over_its_file() -> None:
    settings = {**DATA, "epochs": 5, "batch": 8, "variant": {"alpha": 0.5, "points": 98}}
    config = Overrides(epochs=2.0, alpha=0.35, input_size=128).over(settings)
    assert (config.epochs, config.batch) == (2, 8)
    assert (config.variant.alpha, config.variant.points) == (0.35, 98)
    assert config.stages[-1].size == 128
    assert settings["variant"] == {"alpha": 0.5, "points": 98}


def test_data_of_a_command_replaces_that_of_the_file() -> None:
    config = Overrides(data=("synthetic:3", "csv:a.csv")).over(DATA)
    assert config.data == (DataShare("synthetic:3"), DataShare("csv:a.csv"))


def test_nothing_given_is_the_file_alone() -> None:
    assert Overrides().over(DATA) == TrainConfig.from_json(DATA)


def test_every_option_is_a_setting_or_concerns_the_run_alone() -> None:
    names = {field.name for field in fields(Overrides)}
    assert names - set(OF_VARIANT) <= {field.name for field in fields(TrainConfig)}
    options = {parameter.name for parameter in command.params}
    run = {"config", "output", "workers", "resume", "tensorboard", "dry_run", "broken"}
    assert options == names | run


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs a data set"),
        ({**DATA, "epoch": 3}, "unknown settings: epoch"),
        ({**DATA, "variant": 3}, "variant must be a table"),
        ({**DATA, "stages": [{"size": 33, "share": 1}]}, "multiple of 32, got 33"),
        ({**DATA, "batch": 0}, "batch must be positive, got 0"),
    ],
)
def test_mistakes_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Overrides(alpha=0.5).over(settings)
