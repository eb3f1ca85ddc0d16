"""An archive with all that a device needs: wheel, artifacts, manifests, scripts, checksums."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from asmnet_edge.errors import UsageError
from asmnet_edge.files import write_atomically
from asmnet_edge.manifest import artifact_files, manifest_path, read_manifest

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
