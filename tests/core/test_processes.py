"""Processes of our own run our code, not what lies in the folder they start in."""

import subprocess
from importlib import util
from pathlib import Path

import pytest

from asmnet_edge.processes import our_python

ROOMS = ("asmnet_edge", "asmnet_edge.converters", "asmnet_edge.benchmarks")


@pytest.mark.parametrize("words", [("-c", "import resource"), ("-m", "timeit", "-n1", "1")])
def test_a_module_in_the_folder_is_not_taken_for_python_s(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    for name in ("resource", "timeit"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()")
    subprocess.run(our_python(*words), cwd=tmp_path, check=True, capture_output=True)
    assert not (tmp_path / "ran").exists()
    subprocess.run([x for x in our_python(*words) if x != "-P"], cwd=tmp_path, capture_output=True)
    assert (tmp_path / "ran").exists()  # it would be


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_starts_python_another_way(room: str) -> None:
    spec = util.find_spec(room)
    assert spec
    assert spec.submodule_search_locations
    files = Path(spec.submodule_search_locations[0]).rglob("*.py")
    others = [file for file in files if "sys.executable" in file.read_text(encoding="utf-8")]
    assert {file.name for file in others} <= {"processes.py"}
