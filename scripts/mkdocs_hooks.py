"""Pages of the documentation site that are generated: home, API, decisions, changelog.

MkDocs calls these functions (``hooks`` in mkdocs.yml). The API pages list what is in the packages,
so a new module needs no entry anywhere.
"""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

import asmnet_edge

ROOT = Path(__file__).resolve().parents[1]
LAYOUT = ROOT / "build" / "api" / "asmnet_edge"  # the packages as the wheel has them
BESIDE = ("converters", "benchmarks")  # packages that lie beside asmnet_edge/ in the repository
UNLISTED = ("cli", "raspberry_pi", "weights", "assets")  # no Python API
PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "findings.md": "findings/README.md",
}
# links in pages of the repository -> pages of the site that they lead to
TARGETS = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "index.md",
    "findings/README.md": "findings.md",
    "asmnet_edge/weights/NOTICE": "weights.md",
    "examples/": "api/index.md",
}


@event_priority(100)  # before mkdocstrings looks for the folder
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Copy the sources to build/api, laid out as in the wheel, where the API pages read them."""
    shutil.rmtree(LAYOUT, ignore_errors=True)
    shutil.copytree(ROOT / "asmnet_edge", LAYOUT, ignore=not_python)
    for name in BESIDE:
        shutil.copytree(ROOT / name, LAYOUT / name, ignore=not_python)
    return config


def not_python(folder: str, names: list[str]) -> list[str]:
    """Return those of the files and folders ``names`` in ``folder`` that contain no source."""
    paths = [Path(folder, name) for name in names if name != "__pycache__"]
    wanted = {path.name for path in paths if path.is_dir() or path.suffix == ".py"}
    return [name for name in names if name not in wanted]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the ``files`` of the site."""
    pages = {page: site_links((ROOT / source).read_text()) for page, source in PAGES.items()}
    pages |= api_pages()
    pages["decisions/index.md"] = decisions()
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Rewrite links from docs/ to other files and folders as links to pages of the site."""
    for path, page in TARGETS.items():
        markdown = markdown.replace(f"](../{path}", f"]({page}")
    return markdown.replace("](decisions/)", "](decisions/index.md)")


def site_links(text: str) -> str:
    """Return ``text``, a page at the top of the repository, with the links of the site."""
    return re.sub(r"\]\((?!https?:)([^)#]+)", lambda match: f"]({site_path(match[1])}", text)


def site_path(path: str) -> str:
    """Return the page of the site that shows ``path`` of the repository."""
    return TARGETS.get(path, path.removeprefix("docs/"))


def api_pages() -> dict[str, str]:
    """Return path and text of each API page: the public names, then one page for each package."""
    packages = [folder for folder in sorted(LAYOUT.iterdir()) if is_package(folder)]
    pages = {f"api/{package.name}.md": package_page(package) for package in packages}
    return {"api/index.md": public_page(packages)} | pages


def is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file() and folder.name not in UNLISTED


def public_page(packages: list[Path]) -> str:
    """Return the page of the public names of ``asmnet_edge``, with links to the packages."""
    names = [name for name in getattr(asmnet_edge, "__all__", ()) if not name.startswith("__")]
    parts = [
        "# Python API",
        "::: asmnet_edge\n    options:\n      members: false\n      show_root_heading: false",
        *(f"::: asmnet_edge.{name}" for name in names),
        "## Packages\n\nThe rest of the code, module by module. These names may change between "
        "versions.\n\n" + "\n".join(f"- [{p.name}]({p.name}.md): {summary(p)}" for p in packages),
    ]
    return "\n\n".join(parts) + "\n"


def summary(package: Path) -> str:
    """Return the first line of the docstring of ``package``."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or package.name
    return text.splitlines()[0]


def package_page(package: Path) -> str:
    """Return the page of ``package``, with all its modules one after another."""
    modules = sorted(path for path in package.rglob("*.py") if path.name != "__init__.py")
    names = [".".join(path.relative_to(LAYOUT.parent).with_suffix("").parts) for path in modules]
    return "\n\n".join([f"# {package.name}", summary(package), *(f"::: {n}" for n in names)]) + "\n"


def decisions() -> str:
    """Return a page that lists the decision records by title."""
    lines = [
        f"- [{title(path)}]({path.name})"
        for path in sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    ]
    return (
        "# Decisions\n\nRecords of choices between serious alternatives: question, decision, "
        "measurements and alternatives.\n\n" + "\n".join(lines) + "\n"
    )


def title(path: Path) -> str:
    return path.read_text().splitlines()[0].lstrip("# ")
