"""``asmnet-edge bundle``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from asmnet_edge.cli.models import MODEL
from asmnet_edge.errors import UsageError


@click.command()
@click.argument("artifacts", nargs=-1, type=MODEL)
@click.option("--wheel", type=click.Path(path_type=Path), help="[default: the newest in dist/]")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("asmnet-edge-device.tar.gz"),
    show_default=True,
)
@click.option("--overwrite", is_flag=True, help="Replace an archive that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the files in it as JSON.")
def command(
    artifacts: tuple[Path, ...], wheel: Path | None, output: Path, overwrite: bool, as_json: bool
) -> None:
    """Make one archive for a device: the wheel, ARTIFACTS with their manifests, scripts, checksums.

    Without ARTIFACTS it holds the shipped int8 model, which is in the wheel too.
    """
    from asmnet_edge.files import refuse_existing, sha256
    from asmnet_edge.runtime.bundle import make_bundle
    from asmnet_edge.shipped import SHIPPED_INT8, shipped

    refuse_existing([output], overwrite)
    names = make_bundle(wheel or _newest_wheel(), artifacts or (shipped(SHIPPED_INT8),), output)
    if as_json:
        click.echo(json.dumps({"archive": str(output), "sha256": sha256(output), "files": names}))
        return
    click.echo("\n".join(f"  {name}" for name in names))
    click.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256(output)}")


def _newest_wheel() -> Path:
    found = sorted(Path("dist").glob("asmnet_edge-*.whl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise UsageError("no wheel of asmnet-edge in dist/", "python -m build, or give --wheel")
    return found[-1]
