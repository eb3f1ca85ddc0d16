"""The model card: a small model goes all the way, and no number is printed that is not measured."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from asmnet_edge.benchmarks.model_card.card import read_card
from asmnet_edge.benchmarks.model_card.text import render
from asmnet_edge.io.files import SHIPPED_FLOAT, sha256, shipped
from asmnet_edge.io.manifest import manifest_path

CHECKOUT = Path(__file__).parents[2]
SCRIPT, CARD = CHECKOUT / "scripts" / "make_card.py", CHECKOUT / "docs" / "model-card"
# what is a name or an address and no figure: code, links, the formats' and the data set's words
NAMES = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|&#124;|int8|SHA-256", re.DOTALL)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
LOG = "step,size,learning_rate,loss,validation_nme\n1,64,1e-5,2.25,\n2,96,1e-5,1.75,31.5\n"

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "pyproject.toml").is_file(), reason="these tests run outside a checkout"
)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`scripts/make_card.py` as a module."""
    spec = util.spec_from_file_location("make_card", SCRIPT)
    assert spec
    assert spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def output(
    script: ModuleType, float_file: Path, artifacts: list[Path], tmp_path_factory: Any
) -> Path:
    """The card of the small model on four drawn faces; nothing is converted for it."""
    folder = tmp_path_factory.mktemp("card")
    model = Path(shutil.copy(float_file, folder))
    for file in (artifacts[1], manifest_path(artifacts[1])):
        shutil.copy(file, folder)
    (folder / "NOTICE").write_text("for tests")
    (folder / "card").mkdir()
    for name in ("older-drawn.jpg", "older-turned.jpg"):  # of a model that is in the card no more
        (folder / "card" / name).touch()
    (folder / "log.csv").write_text(LOG)
    printed = f'[[weights]]\nsha256 = "{sha256(model)}"\nlogs = ["log.csv"]\n'
    (folder / "weights.toml").write_text(f'{printed}remarks = ["It saw\\nno face."]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "import_packages", lambda *_, **__: None)
        patch.setattr(script, "converted", lambda *_: [])
        words = ("--data", "synthetic:4", "--faces", "4", "--output", folder / "card")
        known = ("--known", folder / "weights.toml")
        patch.setattr(sys, "argv", ["make_card.py", *map(str, (model, *words, *known))])
        script.main()
    return folder / "card"


@pytest.fixture
def card(output: Path) -> dict[str, Any]:
    return read_card(output)


def test_the_card_of_a_small_model_is_written_with_its_pictures(output: Path) -> None:
    assert sorted(path.name for path in output.iterdir()) == [
        *("ced.png", "tiny-drawn.jpg", "tiny-sensitivity.png", "tiny-training.png"),
        "tiny-turned.jpg",
    ]
    text = output.with_suffix(".md").read_text()
    assert "A quick check on at most 4 faces" in text
    assert "* It saw no face." in text
    assert "Licence of the training data: drawn for tests" in text
    assert "| tflite, shipped |" in text
    assert "| drawn, wide | 0-15° | exact |" in text
    assert "| too few |" in text
    pictures = re.findall(r"\]\((card/[^)]*)\)", text)
    assert len(pictures) == 5
    assert all((output.parent / picture).is_file() for picture in pictures)


def test_its_text_comes_from_the_figures_alone(
    script: ModuleType, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = output.with_suffix(".md")
    before = text.read_text()
    text.unlink()
    known = str(output.with_name("weights.toml"))
    words = ["make_card.py", "--render", "--output", str(output), "--known", known]
    monkeypatch.setattr(sys, "argv", words)
    script.main()
    assert text.read_text() == before


def test_no_number_is_written_that_is_not_among_the_figures(card: dict[str, Any]) -> None:
    assert unmoved(render(card, "card"), render(changed(card), "card")) == []


def test_a_number_written_by_hand_would_be_seen(card: dict[str, Any]) -> None:
    printed, other = ((render(c, "card") + "\nNME 4.87 %") for c in (card, changed(card)))
    assert unmoved(printed, other) == ["NME 4.87 %"]


def test_the_figures_hold_no_path_of_this_machine(output: Path) -> None:
    text = output.with_suffix(".json").read_text()
    assert str(CHECKOUT) not in text
    assert str(output.parent) not in text
    assert "../" not in text


def unmoved(text: str, other: str) -> list[str]:
    """Lines of which a number is the same in the text of other figures, zeros apart."""
    rest: dict[str, list[str]] = {}
    for line in NAMES.sub(" ", other).splitlines():
        rest.setdefault(NUMBER.sub("#", line), []).append(line)
    found, numbered = [], 0
    lines = [line for line in NAMES.sub(" ", text).splitlines() if NUMBER.search(line)]
    for line in lines:
        if alike := rest.get(NUMBER.sub("#", line)):
            numbered += 1
            pairs = zip(NUMBER.findall(line), NUMBER.findall(alike.pop(0)), strict=True)
            found += [line for a, b in pairs if a == b and a.strip("+-0.")][:1]
    assert numbered > 0.8 * len(lines), "other figures must not make another text"
    return found


def changed(content: Any) -> Any:
    """``content`` with each number in it, those in texts too, another one of its kind."""
    if isinstance(content, dict):
        return {key: changed(value) for key, value in content.items()}
    if isinstance(content, list):
        return [changed(value) for value in content]
    if isinstance(content, str):
        return re.sub(r"\d", lambda digit: str((int(digit[0]) + 3) % 10), content)
    if isinstance(content, float):
        return 4.3 * content
    return (
        4 * content + 3 if isinstance(content, int) and not isinstance(content, bool) else content
    )


# the card that is committed


@pytest.fixture
def committed() -> dict[str, Any]:
    return read_card(CARD)


def test_the_committed_card_is_of_the_committed_weights(committed: dict[str, Any]) -> None:
    models, weights = committed["models"], shipped(SHIPPED_FLOAT).parent
    reported = {model["name"]: model["sha256"] for model in models}
    reported |= {
        r["name"]: r["sha256"] for model in models for r in model["formats"] if r["shipped"]
    }
    files = [*weights.glob("*.keras"), *weights.glob("*.tflite")]
    assert reported == {path.name: sha256(path) for path in files}, "make card"


def test_the_committed_text_and_pictures_are_those_of_its_figures(
    committed: dict[str, Any],
) -> None:
    text = render(committed, CARD.name)
    assert CARD.with_suffix(".md").read_text() == text, "make_card.py --render"
    # and so no picture shows a face of a data set: no text names one
    pictures = re.findall(rf"\]\({CARD.name}/([^)]*)\)", text)
    assert set(pictures) == {path.name for path in CARD.iterdir()}


def test_the_committed_card_is_no_trial(committed: dict[str, Any]) -> None:
    assert committed["limited_to"] is None
    assert unmoved(render(committed, "card"), render(changed(committed), "card")) == []
