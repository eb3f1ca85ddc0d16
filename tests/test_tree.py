"""Limits of the source tree: import circles, base names, length of functions and files."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import util
from pathlib import Path
from statistics import median

import pytest

ROOTS = ("asmnet_edge", "asmnet_edge.converters", "asmnet_edge.benchmarks")
MOST_OF_ONE_NAME = 2  # files of one base name, __init__ and __main__ apart
MOST_FILES = 220
MEDIAN_LINES = 110  # at least
LONGEST_BODY = 45  # lines of a function, without its docstring


def module_files() -> dict[str, Path]:
    """Return the path of each product module, by its dotted name."""
    found = {}
    for root in ROOTS:
        spec = util.find_spec(root)
        assert spec and spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0])
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((root, *parts)).removesuffix(".__init__")
            found[name] = path
    return found


FILES = module_files()


def statements(body: list[ast.stmt], deep: bool) -> Iterator[ast.stmt]:
    """Yield what runs when a module is imported; with ``deep`` what its functions run too.

    Blocks under ``if TYPE_CHECKING`` never run.
    """
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not deep:
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from statements(node.orelse, deep)
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from statements(getattr(node, field, []), deep)
        for handler in getattr(node, "handlers", []):
            yield from statements(handler.body, deep)


def imports_of(source: str, known: Mapping[str, object], deep: bool = False) -> set[str]:
    """Return the modules among ``known`` that ``source`` imports.

    ``from package import module`` names the module, ``from module import name`` the module.
    """
    names: set[str] = set()
    for node in statements(ast.parse(source).body, deep):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = (f"{node.module}.{alias.name}" for alias in node.names)
            names |= {name if name in known else node.module for name in full}
    return names & known.keys()


def circle(sources: Mapping[str, str], deep: bool = False) -> list[str]:
    """Return one circle of modules that import each other, first and last the same, or nothing."""
    graph = {name: imports_of(text, sources, deep) - {name} for name, text in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def product_sources() -> dict[str, str]:
    return {name: path.read_text(encoding="utf-8") for name, path in FILES.items()}


@pytest.mark.parametrize(
    ("second", "deep", "found"),
    [
        ("import a", False, True),
        ("from a import something", False, True),
        ("try:\n    import a\nexcept ImportError:\n    pass", False, True),
        ("def late():\n    import a", False, False),
        ("def late():\n    import a", True, True),
        ("class Late:\n    def run(self):\n        from a import x", True, True),
        ("if TYPE_CHECKING:\n    import a", True, False),
        ("import other", True, False),
    ],
)
def test_a_circle_is_seen(second: str, deep: bool, found: bool) -> None:
    assert bool(circle({"a": "from p import b", "p": "", "p.b": second}, deep)) is found


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    sources = product_sources()
    assert "asmnet_edge.errors" in imports_of(sources["asmnet_edge.cli.main"], sources)
    found = circle(sources)
    assert not found


def test_imports_in_functions_close_no_circle_either() -> None:
    found = circle(product_sources(), deep=True)
    assert not found


def test_a_base_name_tells_the_file() -> None:
    counts = Counter(path.name for path in FILES.values())
    often = {name: count for name, count in counts.items() if count > MOST_OF_ONE_NAME}
    assert not often.keys() - {"__init__.py", "__main__.py"}


def long_functions(source: str) -> dict[str, int]:
    """Return the functions whose body, without docstring, is longer than it may be, in lines."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > LONGEST_BODY:
                found[node.name] = lines
    return found


def test_a_long_function_is_seen() -> None:
    body = "    x = 1\n"
    assert not long_functions("def f():\n    '''Do it.\n\n    '''\n" + LONGEST_BODY * body)
    assert long_functions("def f():\n" + (LONGEST_BODY + 1) * body) == {"f": LONGEST_BODY + 1}


def test_functions_are_short() -> None:
    found = {name: long_functions(text) for name, text in product_sources().items()}
    assert not {name: functions for name, functions in found.items() if functions}


def test_the_files_are_few_and_tell_a_story() -> None:
    sources = product_sources()
    modules = [text for name, text in sources.items() if FILES[name].name != "__init__.py"]
    lines = [text.count("\n") for text in modules]
    assert len(lines) <= MOST_FILES
    assert median(lines) >= MEDIAN_LINES
