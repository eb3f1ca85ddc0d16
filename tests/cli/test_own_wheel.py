"""The wheel that ``bundle`` makes of the running program."""

import csv
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import Distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from asmnet_edge.errors import UsageError
from asmnet_edge.runtime.bundle import _isolation, build_wheel, checkout_of, repack_wheel

FACTS = "asmnet_edge-1.2.dist-info"
INSTALLED = {
    "asmnet_edge/__init__.py": "x = 1\n",
    "asmnet_edge/weights/a.json": "{}",
    "asmnet_edge/__pycache__/__init__.cpython-311.pyc": "compiled",
    f"{FACTS}/METADATA": "Metadata-Version: 2.1\nName: asmnet-edge\nVersion: 1.2\n",
    f"{FACTS}/WHEEL": "Wheel-Version: 1.0\n",
    f"{FACTS}/entry_points.txt": "[console_scripts]\n",
    f"{FACTS}/licenses/LICENSE": "do as you like",
    f"{FACTS}/INSTALLER": "pip\n",
    f"{FACTS}/direct_url.json": "{}",
    "../../bin/asmnet-edge": "#!python",
}


@pytest.fixture
def installed(tmp_path: Path) -> Distribution:
    """What pip leaves behind."""
    site = tmp_path / "lib" / "site"
    for name, content in INSTALLED.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    names = [*INSTALLED, f"{FACTS}/RECORD"]
    (site / FACTS / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    return Distribution.at(site / FACTS)


def test_an_installation_becomes_its_wheel_again(installed: Distribution, tmp_path: Path) -> None:
    wheel = repack_wheel(installed, tmp_path)
    assert wheel.name == "asmnet_edge-1.2-py3-none-any.whl"
    left = ("__pycache__", "INSTALLER", "direct_url", "bin/")  # pip's own
    kept = {name for name in INSTALLED if not any(part in name for part in left)}
    with ZipFile(wheel) as archive:
        assert set(archive.namelist()) == {*kept, f"{FACTS}/RECORD"}
        record = archive.read(f"{FACTS}/RECORD").decode().splitlines()
        for name, digest, size in csv.reader(record[:-1]):
            content = archive.read(name)
            expected = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
            assert (digest, int(size)) == (f"sha256={expected}", len(content))


def test_the_same_installation_makes_the_same_wheel(
    installed: Distribution, tmp_path: Path
) -> None:
    first = repack_wheel(installed, tmp_path).read_bytes()
    assert repack_wheel(installed, tmp_path).read_bytes() == first


@pytest.mark.parametrize("lost", ["asmnet_edge/__init__.py", "asmnet_edge/weights/a.json"])
def test_an_incomplete_installation_makes_no_wheel(
    installed: Distribution, tmp_path: Path, lost: str
) -> None:
    (tmp_path / "lib" / "site" / lost).unlink()
    with pytest.raises(UsageError, match="not whole.*pip wheel --no-deps"):
        repack_wheel(installed, tmp_path)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "asmnet_edge").mkdir(parents=True)
    (root / "asmnet_edge" / "__init__.py").write_text("x = 1\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "asmnet-edge"\nversion = "1.2"\n'
        '[tool.setuptools]\npackages = ["asmnet_edge"]\n'
    )
    return root


def test_a_checkout_is_recognised_by_its_project_file(checkout: Path, tmp_path: Path) -> None:
    assert checkout_of(checkout / "asmnet_edge" / "__init__.py") == checkout
    assert checkout_of(tmp_path / "site-packages" / "asmnet_edge" / "__init__.py") is None
    (checkout / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert checkout_of(checkout / "asmnet_edge" / "__init__.py") is None


@pytest.mark.skipif(not _isolation(), reason="its build would fetch setuptools")
def test_building_leaves_the_checkout_unchanged(checkout: Path, tmp_path: Path) -> None:
    stale = checkout / "build" / "lib" / "asmnet_edge" / "gone.py"  # of an earlier build
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    before = sorted(checkout.rglob("*"))
    (tmp_path / "out").mkdir()
    with ZipFile(build_wheel(checkout, tmp_path / "out")) as wheel:
        assert [n for n in wheel.namelist() if n.endswith(".py")] == ["asmnet_edge/__init__.py"]
    assert sorted(checkout.rglob("*")) == before


def test_a_failed_build_names_the_cure(checkout: Path, tmp_path: Path) -> None:
    (checkout / "pyproject.toml").write_text("[project")
    with pytest.raises(UsageError, match="no wheel could be built.*pip wheel --no-deps"):
        build_wheel(checkout, tmp_path)
