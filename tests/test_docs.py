"""README and documentation: links lead somewhere, commands exist, the site builds strictly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

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
NEW_LAYOUT = (CHECKOUT / "asmnet_edge" / "geometry").is_dir()

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


@pytest.mark.skipif(not NEW_LAYOUT, reason="the pages describe the layout with geometry/")
@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md", "docs/settings.md"])
def test_files_and_folders_that_pages_name_exist(page: str) -> None:
    names = re.findall(
        r"`((?:asmnet_edge|converters|benchmarks|tests|docs)/[\w./]*)`", text_of(Path(page))
    )
    named = [name for name in names if "NAME" not in name]
    assert not [name for name in named if not (CHECKOUT / name).exists()]


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
    assert (tmp_path / "api" / "runtime.html").is_file()
    outside = re.findall(r'(?:src|href)="(https?://[^"]+\.(?:js|css|png|svg))"',
                         (tmp_path / "index.html").read_text())  # fmt: skip
    assert not outside, "pages load something from elsewhere"
