"""The archive for a device: wheel, artifacts with manifests, scripts, checksums.

The wheel of the running program is built from its checkout, or repacked from its installation.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib import metadata, util
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import asmnet_edge
from asmnet_edge.errors import UsageError
from asmnet_edge.io.files import write_atomically
from asmnet_edge.io.manifest import artifact_files, manifest_path, read_manifest
from asmnet_edge.io.system import installed_version, our_python

# The wheel of the running program

NAME, PACKAGE = "asmnet-edge", "asmnet_edge"
FACTS = ("METADATA", "WHEEL", "entry_points.txt", "top_level.txt")  # the rest of them is pip's
SETUPTOOLS = 77  # as pyproject.toml asks; an older one is left alone, and pip fetches another
LONG_AGO = 315532800  # 1980, the first year of zip: the same files make the same wheel
CURE = "Make one in a checkout, pip wheel --no-deps ., and give it with --wheel"


@contextmanager
def running_wheel(log: Callable[[str], None] = lambda line: None) -> Iterator[Path]:
    """Yield the wheel in a temporary folder; `UsageError` where none can be made."""
    with TemporaryDirectory(prefix=f"{NAME}-") as folder:
        if checkout := checkout_of(Path(asmnet_edge.__file__)):
            log(f"Building the wheel of {checkout}")
            yield build_wheel(checkout, Path(folder))
        else:
            yield repack_wheel(_installed(), Path(folder))


def checkout_of(module: Path) -> Path | None:
    """Return the checkout that holds ``module``, a file of the package; None if none does."""
    root = module.resolve().parents[1]
    project = root / "pyproject.toml"
    there = project.is_file() and f'name = "{NAME}"' in project.read_text(encoding="utf-8")
    return root if there else None


def build_wheel(checkout: Path, folder: Path) -> Path:
    """Build with pip; ``checkout`` stays as it is, and its stale build files do not get in."""
    settings = folder / "setup.cfg"
    settings.write_text(f"[build]\nbuild_base = {folder}/build\n[egg_info]\negg_base = {folder}\n")
    arguments = ("-m", "pip", "wheel", "--quiet", "--no-deps", *_isolation(), "--wheel-dir")
    variables = {"DIST_EXTRA_CONFIG": str(settings), "SOURCE_DATE_EPOCH": str(LONG_AGO)}
    done = subprocess.run(
        our_python(*arguments, str(folder), str(checkout)),
        capture_output=True, text=True, env={**os.environ, **variables},
    )  # fmt: skip
    found = list(folder.glob("*.whl"))
    if done.returncode or not found:
        lines = done.stderr.strip().splitlines() or ["pip printed no reason"]
        raise UsageError(f"no wheel could be built of {checkout}: {lines[-1]}", CURE)
    return found[0]


def _isolation() -> list[str]:
    """Return the option that fetches nothing, where the installed setuptools is new enough."""
    first = installed_version("setuptools").split(".")[0]
    return ["--no-build-isolation"] if first.isdigit() and int(first) >= SETUPTOOLS else []


def _installed() -> metadata.Distribution:
    """Return the distribution that runs, not another one of that name."""
    running = Path(asmnet_edge.__file__).resolve()
    for installed in metadata.distributions(name=NAME):
        if Path(str(installed.locate_file(f"{PACKAGE}/__init__.py"))).resolve() == running:
            return installed
    raise UsageError(f"{running.parent} was not installed by pip: there is no wheel of it", CURE)


def repack_wheel(installed: metadata.Distribution, folder: Path) -> Path:
    """Pack the files that pip noted at installation into a wheel again; all are pure Python."""
    files = {str(f): Path(str(f.locate())) for f in installed.files or () if _from_wheel(f)}
    missing = [name for name, path in files.items() if not path.is_file()]
    if f"{PACKAGE}/__init__.py" not in files or missing:
        raise UsageError(f"the installed {NAME} is not whole: it makes no wheel", CURE)
    contents = {name: path.read_bytes() for name, path in sorted(files.items())}
    facts = f"{PACKAGE}-{installed.version}"
    contents[f"{facts}.dist-info/RECORD"] = _record(contents, f"{facts}.dist-info/RECORD")
    wheel = folder / f"{facts}-py3-none-any.whl"
    with ZipFile(wheel, "w", ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(ZipInfo(name), content, ZIP_DEFLATED)  # dated 1980
    return wheel


def _from_wheel(file: metadata.PackagePath) -> bool:
    if file.parts[0] == PACKAGE:
        return "__pycache__" not in file.parts
    ours = file.parts[0].endswith(".dist-info")
    return ours and (file.parts[1] == "licenses" or file.parts[1:] in [(name,) for name in FACTS])


def _record(contents: dict[str, bytes], record: str) -> bytes:
    """Return name, hash and size of each file, by the specification of recorded installs."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for name, content in contents.items():
        digest = urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()
        lines.writerow([name, f"sha256={digest}", len(content)])
    lines.writerow([record, "", ""])
    return text.getvalue().encode()


# The archive

SCRIPTS = ("install.sh", "camera_demo.sh", "benchmark.sh", "asmnet-edge.service")
ROOT = "asmnet-edge-device"
READ_ME = """asmnet-edge for a device. On it:

    tar xzf {archive} && cd {root}
    sha256sum --check SHA256SUMS
    ./install.sh                # a virtual environment in ~/asmnet-edge, from wheel and models here
    ./camera_demo.sh            # the camera with landmarks, on a page
    ./benchmark.sh              # how quick this board is
"""


def scripts_folder() -> Path:
    """Return the folder of the scripts for devices, in the wheel or in the checkout."""
    spec = util.find_spec("asmnet_edge.raspberry_pi")
    if spec and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    raise UsageError("the scripts for devices are not installed", "Reinstall asmnet-edge")


def make_bundle(wheel: Path, artifacts: Sequence[Path], archive: Path) -> list[str]:
    """Write ``archive``, a reproducible .tar.gz, and return the names in it.

    Every artifact is checked against its manifest first; two of one name are a `UsageError`.
    """
    _check_wheel(wheel)
    files: dict[str, Path] = {wheel.name: wheel}
    for artifact in artifacts:
        read_manifest(artifact)
        for path in (*artifact_files(artifact), manifest_path(artifact)):
            _add(files, path)
    folder = scripts_folder()
    files |= {name: folder / name for name in SCRIPTS}
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents["READ-ME.txt"] = READ_ME.format(archive=archive.name, root=ROOT).encode()
    contents["SHA256SUMS"] = _sums(contents)
    write_atomically(archive, _packed(contents))
    return sorted(contents)


def _add(files: dict[str, Path], path: Path) -> None:
    name = f"models/{path.name}"
    if name in files:
        raise UsageError(
            f"{files[name]} and {path} would both be {name}",
            "Bundle them one by one",
        )
    files[name] = path


def _check_wheel(wheel: Path) -> None:
    try:
        with ZipFile(wheel) as file:
            if "asmnet_edge/__init__.py" in file.namelist():
                return
    except (OSError, BadZipFile) as error:
        cure = "Make one: pip wheel --no-deps ."
        raise UsageError(f"{wheel} is not a wheel: {error}", cure) from error
    raise UsageError(f"{wheel} is not a wheel of asmnet-edge", "Make one: pip wheel --no-deps .")


def _sums(contents: Mapping[str, bytes]) -> bytes:
    lines = [f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in sorted(contents.items())]
    return "".join(lines).encode()


def _packed(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(f"{ROOT}/{name}")
            entry.size = len(content)
            entry.mode = 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
