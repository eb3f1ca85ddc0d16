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
# links that a page of the repository has, and where they lead on the site
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
    """Of the files and folders ``names`` in ``folder``, those that hold no source."""
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
    """Lead links from docs/ to files beside it, or to a folder, to their pages on the site."""
    for path, page in TARGETS.items():
        markdown = markdown.replace(f"](../{path}", f"]({page}")
    return markdown.replace("](decisions/)", "](decisions/index.md)")


def site_links(text: str) -> str:
    """``text`` of a page at the top of the repository, with its links as the site has them."""
    return re.sub(r"\]\((?!https?:)([^)#]+)", lambda match: f"]({site_path(match[1])}", text)


def site_path(path: str) -> str:
    """Where a link to ``path`` in the repository leads on the site."""
    return TARGETS.get(path, path.removeprefix("docs/"))


def api_pages() -> dict[str, str]:
    """Path and text of each API page: the public names, then a page a package."""
    packages = [folder for folder in sorted(LAYOUT.iterdir()) if is_package(folder)]
    pages = {f"api/{package.name}.md": package_page(package) for package in packages}
    return {"api/index.md": public_page(packages)} | pages


def is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file() and folder.name not in UNLISTED


def public_page(packages: list[Path]) -> str:
    """What ``import asmnet_edge`` offers, and links to the packages."""
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
    """First line of the package's docstring."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or package.name
    return text.splitlines()[0]


def package_page(package: Path) -> str:
    """All modules of ``package``, one after another."""
    modules = sorted(path for path in package.rglob("*.py") if path.name != "__init__.py")
    names = [".".join(path.relative_to(LAYOUT.parent).with_suffix("").parts) for path in modules]
    return "\n\n".join([f"# {package.name}", summary(package), *(f"::: {n}" for n in names)]) + "\n"


def decisions() -> str:
    """A list of the decision records, with their titles."""
    lines = [
        f"- [{title(path)}]({path.name})"
        for path in sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    ]
    return (
        "# Decisions\n\nWhy things are as they are: the question, the decision, what was measured "
        "and what was considered besides.\n\n" + "\n".join(lines) + "\n"
    )


def title(path: Path) -> str:
    return path.read_text().splitlines()[0].lstrip("# ")
