"""Child processes run our code, not what lies in their folder; threads of BLAS are limited."""

import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from asmnet_edge.cli.main import KEEP_BLAS_THREADS
from asmnet_edge.io.system import BLAS_VARIABLES, our_python

PACKAGES = ("asmnet_edge", "asmnet_edge.converters", "asmnet_edge.benchmarks")


@pytest.mark.parametrize("words", [("-c", "import resource"), ("-m", "timeit", "-n1", "1")])
def test_a_module_in_the_folder_does_not_shadow_the_standard_library(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    for name in ("resource", "timeit"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()")
    plain = [word for word in our_python(*words) if word != "-P"]
    environment = {**os.environ, "PYTHONSAFEPATH": ""}  # other tests may have set it
    subprocess.run(
        our_python(*words), cwd=tmp_path, check=True, capture_output=True, env=environment
    )
    assert not (tmp_path / "ran").exists()
    subprocess.run(plain, cwd=tmp_path, capture_output=True, env=environment)
    assert (tmp_path / "ran").exists()  # it would be


POOL = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from asmnet_edge.io.system import spawning
if __name__ == "__main__":
    with ProcessPoolExecutor(1, {how}) as pool:
        print(pool.submit(len, "four").result())
"""


@pytest.mark.parametrize("how", ["spawning()", "get_context('spawn')"])
def test_nor_does_it_in_worker_processes(tmp_path: Path, how: str) -> None:
    (tmp_path / "pickle.py").write_text("open('ran', 'w').close()")
    program = tmp_path / "programs" / "pool.py"
    program.parent.mkdir()
    program.write_text(POOL.format(how=how))
    environment = {**os.environ, "PYTHONSAFEPATH": ""}  # started as the command line is
    command = [sys.executable, str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment)
    ours = how == "spawning()"
    assert (done.stdout == b"4\n") == ours
    assert (tmp_path / "ran").exists() != ours  # it would be


@pytest.mark.parametrize("package", PACKAGES)
def test_python_is_started_in_one_way_only(package: str) -> None:
    spec = util.find_spec(package)
    assert spec
    assert spec.submodule_search_locations
    files = Path(spec.submodule_search_locations[0]).rglob("*.py")
    ways = ("sys.executable", "get_context", "set_start_method")
    others = {f.name for f in files if any(way in f.read_text(encoding="utf-8") for way in ways)}
    assert others <= {"system.py"}


def blas_threads_after(code: str, **variables: str) -> str:
    """``OPENBLAS_NUM_THREADS`` in a fresh process after ``code``."""
    code = f"import os, sys\n{code}\nprint(os.environ.get('OPENBLAS_NUM_THREADS'))"
    others = {k: v for k, v in os.environ.items() if k not in BLAS_VARIABLES}
    command = our_python("-c", code)
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=others | variables
    )
    return done.stdout.splitlines()[-1]


COMMAND = "from asmnet_edge.cli.main import main; sys.argv[1:] = ['predict', '--help']; main()"


def test_commands_use_one_thread_of_blas_and_importing_changes_nothing() -> None:
    assert blas_threads_after(COMMAND) == "1"
    assert blas_threads_after("import asmnet_edge.io.system") == "None"


@pytest.mark.parametrize(
    ("name", "expected"), [(BLAS_VARIABLES[0], "3"), ("OMP_NUM_THREADS", "None")]
)
def test_threads_that_the_user_chose_are_kept(name: str, expected: str) -> None:
    assert blas_threads_after(COMMAND, **{name: "3"}) == expected


@pytest.mark.parametrize("verb", KEEP_BLAS_THREADS)
def test_commands_that_write_models_keep_the_default(verb: str) -> None:
    assert blas_threads_after(COMMAND.replace("predict", verb)) == "None"


def test_limiting_comes_before_numpy() -> None:
    code = f"{COMMAND}; assert 'numpy' not in sys.modules"
    assert blas_threads_after(code) == "1"


def test_openvino_leaves_no_client_id_behind(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    program = "import asmnet_edge.runtime.backends.openvino, openvino; print(openvino.__file__)"
    hidden = ("CI", "NNCF_CI", "PYTEST_CURRENT_TEST")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    subprocess.run(
        [sys.executable, "-c", program], env={**environment, "HOME": str(tmp_path)}, check=True
    )
    assert not list(tmp_path.iterdir())
