"""Errors say what came, what to do, and how the program ends."""

from pathlib import Path

import pytest

from asmnet_edge import errors
from asmnet_edge.errors import AsmnetEdgeError, CheckFailedError, MissingExtraError, require


def test_an_error_is_its_message_and_its_cure() -> None:
    error = AsmnetEdgeError("the soup is cold", "Warm it")
    assert str(error) == "the soup is cold. Warm it"
    assert (error.message, error.cure) == ("the soup is cold", "Warm it")


def test_an_error_without_a_cure_is_its_message() -> None:
    assert str(AsmnetEdgeError("the soup is cold")) == "the soup is cold"


def test_wrong_use_ends_with_2_and_a_failed_check_with_1() -> None:
    assert AsmnetEdgeError("").exit_code == 2
    assert CheckFailedError("").exit_code == 1


def test_every_error_of_ours_belongs_to_the_one_tree() -> None:
    kinds = [k for k in vars(errors).values() if getattr(k, "__module__", "") == errors.__name__]
    kinds = [k for k in kinds if isinstance(k, type)]
    assert len(kinds) >= 8
    assert all(issubclass(kind, AsmnetEdgeError) for kind in kinds)


def test_an_unreadable_picture_is_a_data_error() -> None:
    assert issubclass(errors.PictureError, errors.DataError)


def test_require_gives_the_module_that_is_there() -> None:
    assert require("json.decoder", "train").JSONDecoder


def test_require_names_the_pip_line_of_what_is_missing() -> None:
    with pytest.raises(
        MissingExtraError, match=r"'no_such_package'.*pip install 'asmnet-edge\[train\]'"
    ):
        require("no_such_package.part", "train")


def test_require_does_not_hide_what_an_installed_package_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_installed.py").write_text("import something_else_missing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else_missing"):
        require("half_installed", "train")
