"""``asmnet-edge bundle``: packs the archive of `asmnet_edge.runtime.bundle`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import click

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import note


@click.command()
@click.argument("artifacts", nargs=-1, type=MODEL)
@click.option(
    "--wheel",
    type=click.Path(path_type=Path),
    help="Wheel to pack.  [default: that of this program]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("asmnet-edge-device.tar.gz"),
    show_default=True,
    help="Archive to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace an archive that exists.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print name, hash and files of the archive as JSON."
)
def command(
    artifacts: tuple[Path, ...], wheel: Path | None, output: Path, overwrite: bool, as_json: bool
) -> None:
    """Pack the wheel, ARTIFACTS with their manifests, scripts and checksums into one archive.

    On the device, unpack the archive and run its install.sh. By default it contains the shipped
    int8 model. The wheel is built from the checkout that this program runs in, or repacked from its
    installation.
    """
    from asmnet_edge.io.files import SHIPPED_INT8, refuse_existing, sha256, shipped
    from asmnet_edge.runtime.bundle import make_bundle, running_wheel

    refuse_existing([output], overwrite)
    with nullcontext(wheel) if wheel else running_wheel(note) as path:
        names = make_bundle(path, artifacts or (shipped(SHIPPED_INT8),), output)
    if as_json:
        click.echo(json.dumps({"archive": str(output), "sha256": sha256(output), "files": names}))
        return
    click.echo("\n".join(f"  {name}" for name in names))
    click.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256(output)}")
