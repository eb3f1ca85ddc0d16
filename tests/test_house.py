"""Rules of imports: which package may import which, and which parts load no heavy library."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import cv2
import pytest

from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.rendering.drawn_face import draw_face

# package -> packages that it may import besides itself; top: the modules directly in asmnet_edge
BASE = {"top", "formats", "geometry", "io"}
RULES = {
    "top": set[str](),  # errors
    "formats": {"top"},
    "geometry": {"top", "io"},
    "io": {"top", "geometry", "formats"},
    "rendering": {"top", "geometry", "io"},
    "datasets": BASE | {"rendering"},
    "training": BASE | {"datasets", "rendering"},
    "importers": BASE | {"datasets", "training"},
    "runtime": BASE,
    "converters": BASE | {"datasets", "rendering", "training", "runtime"},
    "benchmarks": BASE | {"datasets", "rendering", "training", "runtime"},
    "cli": BASE
    | {"datasets", "rendering", "training", "importers", "runtime", "converters", "benchmarks"},
}
# the command line and the public API: they refer to all packages, though they lie at the top
ENTRANCES = ("__main__.py", "__init__.py")
LIGHT = ("geometry", "io", "rendering", "datasets", "runtime")
HEAVY = {"tensorflow", "keras", "matplotlib", "nncf", "tf2onnx", "onnx", "ai_edge_quantizer"}


def folder_of(package: str) -> Path:
    spec = util.find_spec("asmnet_edge" if package == "top" else f"asmnet_edge.{package}")
    assert spec, f"there is no package {package}"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def files_of(package: str) -> list[Path]:
    if package == "top":
        return [path for path in folder_of(package).glob("*.py") if path.name not in ENTRANCES]
    return sorted(folder_of(package).rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """Dotted names that ``source`` imports, anywhere in it; modules named in strings as well."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides which package it enters"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"^asmnet_edge\.[\w.]+$", node.value)


def entered(source: str) -> set[str]:
    """Return the packages that ``source`` imports from."""
    names = [name.split(".") for name in imported(source)]
    second = [(name[1:] or [""])[0] for name in names if name[0] == "asmnet_edge"]
    return {name if name in RULES else "top" for name in second}


def entered_from(package: str) -> set[str]:
    return set().union(*(entered(path.read_text(encoding="utf-8")) for path in files_of(package)))


@pytest.mark.parametrize("package", RULES)
def test_packages_import_only_what_they_may(package: str) -> None:
    trespasses = {
        f"{path.name} -> {other}"
        for path in files_of(package)
        for other in entered(path.read_text(encoding="utf-8")) - RULES[package] - {package}
    }
    assert not trespasses


@pytest.mark.parametrize("package", RULES)
def test_every_package_of_the_rules_is_there(package: str) -> None:
    assert files_of(package)
    assert RULES[package] <= RULES.keys()


def test_every_package_that_is_there_has_a_rule() -> None:
    packages = {path.parent.name for path in folder_of("top").glob("*/__init__.py")}
    assert packages - {"raspberry_pi"} <= RULES.keys()  # that one holds scripts, not modules
    assert {"datasets", "training", "runtime", "cli"} <= packages


def test_the_rules_see_who_enters() -> None:
    # permissions in use: were the parser blind, these would be missing
    assert entered_from("formats") == {"top", "formats"}
    assert entered_from("training") >= {"geometry", "datasets", "training"}
    assert entered_from("converters") >= {"io", "datasets", "training", "runtime"}
    assert entered_from("cli") >= {"io", "datasets", "training", "runtime", "converters"}


@pytest.mark.parametrize(
    "source",
    [
        "import asmnet_edge.training.loop",
        "from asmnet_edge.training import loop",
        "from asmnet_edge import training",
        "def late():\n    from asmnet_edge.training.loop import Run",
        "importlib.import_module('asmnet_edge.training.loop')",
    ],
)
def test_no_way_into_a_package_is_overlooked(source: str) -> None:
    assert entered(source) == {"training"}


@pytest.mark.parametrize(
    "source",
    ["import asmnet_edge", "from asmnet_edge import errors", "import asmnet_edge.errors"],
)
def test_modules_at_the_top_are_distinguished_from_packages(source: str) -> None:
    assert entered(source) == {"top"}


@pytest.mark.parametrize("package", LIGHT)
def test_what_runs_on_the_device_imports_nothing_heavy(package: str) -> None:
    names = [name for path in files_of(package) for name in imported(path.read_text("utf-8"))]
    assert "numpy" in names
    assert not {name.split(".")[0] for name in names} & HEAVY


# in a fresh process


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh Python has loaded after ``code``."""
    code = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def running(*words: str, allowed: tuple[int | None, ...] = (None, 0)) -> str:
    """Code that runs the command line with ``words`` and goes on if it ended as ``allowed``."""
    return (
        "from asmnet_edge.cli.main import main\n"
        f"sys.argv = ['asmnet-edge', *{words!r}]\n"
        "try:\n    main()\n"
        f"except SystemExit as end:\n    assert end.code in {allowed}\n"
    )


def test_the_runtime_comes_without_keras_and_tensorflow() -> None:
    loaded = modules_after(
        "import asmnet_edge.runtime.landmarker, asmnet_edge.runtime.sinks\n"
        "import asmnet_edge.runtime.haar, asmnet_edge.runtime.pipeline"
    )
    assert {"asmnet_edge", "numpy", "cv2"} <= loaded
    assert not loaded & HEAVY


def test_the_registry_of_formats_is_light() -> None:
    loaded = modules_after("import asmnet_edge.formats; asmnet_edge.formats.all_formats()")
    assert "asmnet_edge" in loaded
    assert not loaded & {"numpy", "cv2", "click", *HEAVY}


def test_predicting_comes_without_keras_and_tensorflow(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), draw_face(1).picture)
    words = ("predict", str(tmp_path / "face.png"), "--output", str(tmp_path / "out"))
    loaded = modules_after(running(*words))
    assert (tmp_path / "out" / "face-faces.json").is_file()
    assert "asmnet_edge" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_looking_at_an_artifact_comes_without_keras_and_tensorflow(verb: str) -> None:
    # the shipped one; whether it passes does not matter here
    loaded = modules_after(running(verb, str(shipped(SHIPPED_INT8)), allowed=(None, 0, 1)))
    assert {"asmnet_edge", "numpy"} <= loaded
    assert not loaded & HEAVY


def test_planning_a_conversion_comes_without_keras_and_tensorflow(tmp_path: Path) -> None:
    words = ("--precision", "all", "--output", str(tmp_path / "out"), "--dry-run")
    assert not modules_after(running("convert", "all", *words)) & HEAVY


def test_benchmarks_load_without_keras_and_tensorflow() -> None:
    loaded = modules_after(
        "import asmnet_edge.benchmarks.session, asmnet_edge.benchmarks.report.page"
    )
    assert "numpy" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "verb",
    [
        (),
        ("data",),
        ("shape",),
        ("predict",),
        ("train",),
        ("convert",),
        ("inspect",),
        ("verify",),
        ("benchmark",),
        ("bundle",),
        ("doctor",),
        ("benchmark", "run"),
        ("benchmark", "compare"),
    ],
)
def test_help_is_quick_to_load(verb: tuple[str, ...]) -> None:
    loaded = modules_after(running(*verb, "--help"))
    assert "click" in loaded
    assert not loaded & {"numpy", "cv2", *HEAVY}
