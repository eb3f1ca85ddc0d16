"""README and documentation: links lead somewhere, commands exist, the site builds strictly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import util
from pathlib import Path

import click
import pytest
from test_house import RULES

import asmnet_edge
from asmnet_edge.cli.main import cli

CHECKOUT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(CHECKOUT)
    for path in (
        *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *CHECKOUT.glob("docs/**/*.md"),
        CHECKOUT / "findings" / "README.md",
    )
)
LONGEST = 200  # lines of the README
# words of the project that a newcomer cannot know; docs/glossary.md has the standard ones
IDIOM = re.compile(
    r"\b(wish(es)?|workshop|tryout|strata|trembles?|tired|yardstick(?!_ms)|drawn by lot|"
    r"by lot|takes? one without|drawn film|films?)\b",
    re.IGNORECASE,
)
ARCHITECTURE = Path("docs/architecture.md")
SAMPLES = {f"asmnet_edge.{name}" for name in (  # new files that CONTRIBUTING.md shows
    "datasets.grey", "geometry.triangle", "geometry.worst_point", "runtime.middle"
)}  # fmt: skip

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "mkdocs.yml").is_file(), reason="these tests run outside a checkout"
)


def text_of(page: Path) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text_of(page), flags=re.DOTALL)


def test_the_readme_is_short() -> None:
    assert len(text_of(Path("README.md")).splitlines()) <= LONGEST


def test_the_licence_of_the_weights_is_near_the_top_of_the_readme() -> None:
    assert "research" in "\n".join(text_of(Path("README.md")).splitlines()[:15])


def test_the_first_command_of_the_readme_runs_on_the_sample() -> None:
    first = next(commands_of(Path("README.md")))
    assert first == "asmnet-edge predict --sample"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text_of(page))
    broken = [link for link in links if not (CHECKOUT / page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_pages_are_in_standard_english(page: Path) -> None:
    assert not [match[0] for match in IDIOM.finditer(prose_of(page))]


# what the pages tell users to type


def commands_of(page: Path) -> Iterator[str]:
    """Each ``asmnet-edge ...`` line of the page's shell blocks, joined where it is continued."""
    for block in re.findall(r"```sh\n(.*?)```", text_of(page), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if match := re.match(r"(?:\S*/)?(asmnet-edge [^#]*)", line):
                yield " ".join(match[1].split())


def command_named(words: list[str]) -> click.Command:
    """The command that the first ``words`` name."""
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), word)
        assert found, f"no command {word!r}"
        command = found
    return command


def options_of(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_and_options_exist(page: Path) -> None:
    for line in commands_of(page):
        words = line.split()[1:]
        known = options_of(command_named(words))
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        assert options <= known, line


def test_the_pages_have_commands_to_check() -> None:
    assert sum(1 for page in PAGES for _ in commands_of(page)) > 30


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_names_that_pages_import_are_public(page: Path) -> None:
    lines = re.findall(r"^from asmnet_edge import (.+)$", text_of(page), re.MULTILINE)
    assert {name for line in lines for name in line.split(", ")} <= set(asmnet_edge.__all__)


# what the pages say about the tree

TREE = re.compile(
    r"`((?:asmnet_edge|converters|benchmarks|tests|docs|scripts|configs|examples)/[\w./*-]*)`"
)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_and_folders_that_pages_name_exist(page: Path) -> None:
    names = [name for name in TREE.findall(text_of(page)) if "NAME" not in name]
    assert not [name for name in names if not any(CHECKOUT.glob(name.rstrip("/")))]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_modules_that_pages_name_exist(page: Path) -> None:
    named = set(re.findall(r"\basmnet_edge(?:\.[a-z_]\w*)+", text_of(page)))
    assert not [name for name in named - SAMPLES if not is_known(name)]


def is_known(name: str) -> bool:
    """Return whether ``name`` is a module, or an attribute that the source of one mentions."""
    with suppress(ModuleNotFoundError):
        if util.find_spec(name):
            return True
    module, _, attribute = name.rpartition(".")
    with suppress(ModuleNotFoundError):
        if (found := util.find_spec(module)) and found.origin:
            return attribute in Path(found.origin).read_text(encoding="utf-8")
    return False


def test_the_pages_name_files() -> None:
    assert len(TREE.findall(text_of(Path("docs/architecture.md")))) > 20


def test_the_architecture_states_who_may_import_whom() -> None:
    rows = re.findall(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|$", text_of(ARCHITECTURE), re.MULTILINE)
    table = {package: set(re.findall(r"`(\w+)`", allowed)) for package, allowed in rows}
    everything = RULES.keys() - {"top", "cli"}
    table["cli"] = everything if "all packages" in dict(rows)["cli"] else set()
    assert table == {name: allowed - {"top"} for name, allowed in RULES.items() if name != "top"}
    assert all("top" in allowed for name, allowed in RULES.items() if name != "top")


def test_definitions_that_the_architecture_points_to_are_in_these_files() -> None:
    rows = [line for line in text_of(ARCHITECTURE).splitlines() if line.startswith("| Wh")]
    for row in rows:
        files = [name for name in TREE.findall(row) if name.endswith(".py")]
        sources = "".join((CHECKOUT / name).read_text(encoding="utf-8") for name in files)
        names = re.findall(r"`((?:[A-Z]\w*|decode_image)(?:\.\w+)?)`", row) if files else []
        assert not [part for name in names for part in name.split(".") if part not in sources], row


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--sample" in (tmp_path / "index.html").read_text()
    assert "architecture.svg" in (tmp_path / "architecture.html").read_text()
    for package in RULES.keys() - {"top", "cli"}:  # these two have no page of their own
        assert f"asmnet_edge.{package}." in (tmp_path / "api" / f"{package}.html").read_text()
    outside = re.findall(r'(?:src|href)="(https?://[^"]+\.(?:js|css|png|svg))"',
                         (tmp_path / "index.html").read_text())  # fmt: skip
    assert not outside, "pages load something from elsewhere"
