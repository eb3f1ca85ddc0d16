"""``asmnet-edge import-h5`` and ``import-keras``: networks of others as float models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from asmnet_edge.cli.console import silenced
from asmnet_edge.cli.terminal import import_keras as load_keras
from asmnet_edge.cli.terminal import notes
from asmnet_edge.geometry.schemes import SCHEMES

SCHEME_HELP = "; ".join(f"{entry.name}: {entry.help}" for entry in SCHEMES.values())
output_option = click.option("--output", required=True, metavar="MODEL.keras",
                             type=click.Path(path_type=Path),
                             help="Float model to write.")  # fmt: skip
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace a model that exists.")


@click.command()
@click.argument("source", metavar="FILE.h5", type=click.Path(path_type=Path))
@output_option
@click.option(
    "--channels",
    type=click.Choice(["rgb", "bgr"]),
    default="rgb",
    show_default=True,
    help="Channel order that the network was trained with. The published code reads RGB.",
)
@click.option(
    "--crop-margin",
    type=click.FloatRange(0, 10, min_open=True),
    default=1.05,
    show_default=True,
    help="Side of the crop that the network was trained on, as a multiple of the longer side "
    "of the landmarks' box. The published code adds 0 to 10 pixels on each side.",
)
@overwrite_option
def import_h5(
    source: Path, output: Path, channels: str, crop_margin: float, overwrite: bool
) -> None:
    """Convert a model of ASMNet's authors (ASMNet or MobileNetV2, Keras 2) to a float model.

    Only weights are read from the file, by name and shape. Nothing in it is executed.
    """
    _prepare(output, overwrite)
    from asmnet_edge.importers import keras2

    with silenced():
        model = keras2.import_h5(source, channels, crop_margin)
        model.save(output)
    variant, crop = model.variant, model.crop
    notes.print(f"{variant.architecture}, {variant.points} points, "
                f"{model.network.count_params():,} parameters, crop margin {crop.margin:g}: "
                f"{output}")  # fmt: skip


@click.command()
@click.argument("source", metavar="NETWORK.keras", type=click.Path(path_type=Path))
@output_option
@click.option(
    "--scheme",
    required=True,
    type=click.Choice(list(SCHEMES)),
    help=f"Number and order of the landmarks. {SCHEME_HELP}.",
)
@click.option(
    "--crop-margin",
    "margin",
    type=click.FloatRange(0, 10, min_open=True),
    default=1.25,
    show_default=True,
    help="Side of the crop that the network was trained on, as a "
    "multiple of the longer side of the landmarks' box.",
)
@click.option(
    "--pixels",
    type=click.Choice(["-1..1", "0..1", "0..255"]),
    default="0..1",
    show_default=True,
    help="Range of the pixels that the network expects.",
)
@click.option(
    "--channels",
    type=click.Choice(["rgb", "bgr"]),
    default="rgb",
    show_default=True,
    help="Channel order that the network expects.",
)
@click.option(
    "--units",
    type=click.Choice(["crop", "pixels", "centred"]),
    default="crop",
    show_default=True,
    help="Units of the landmarks. crop: 0 to 1 across the crop; pixels: "
    "pixels of the crop, with pixel centres at whole numbers; centred: -1 to 1 across "
    "the crop.",
)
@click.option(
    "--landmarks",
    default="",
    metavar="OUTPUT",
    help="Output with the landmarks, needed if several outputs could be the landmarks.",
)
@click.option(
    "--pose",
    default="",
    metavar="OUTPUT",
    help="Output with yaw, pitch and roll in degrees.  [default: the one named pose]",
)
@overwrite_option
def import_keras(source: Path, output: Path, overwrite: bool, **conventions: Any) -> None:
    """Convert a landmark network of your own, saved by Keras 3, to a float model.

    The network must take one square picture, return landmarks, with or without pose, and consist of
    standard Keras layers. Nothing in the file is executed. If the network returns no pose, a linear
    function from landmarks to pose is fitted to drawn faces.
    """
    _prepare(output, overwrite)
    from asmnet_edge.importers.keras3 import Conventions, import_network

    with silenced():
        model = import_network(source, Conventions(**conventions))
        model.save(output)
    notes.print(f"{model.scheme.name}, {model.variant.input_size} px, "
                f"{model.network.count_params():,} parameters, crop margin {model.crop.margin:g}, "
                f"{conventions['channels']} pixels {conventions['pixels']}, landmarks in units of "
                f"{conventions['units']}: {output}", soft_wrap=True)  # fmt: skip
    if error := model.provenance["imported"].get("pose_fitted_error_degrees"):
        notes.print(f"it gives no pose: fitted to the landmarks of drawn faces, {error:.1f}° off "
                    "on others", soft_wrap=True)  # fmt: skip


def _prepare(output: Path, overwrite: bool) -> None:
    """Import Keras and check ``output`` before anything is read."""
    load_keras()
    from asmnet_edge.io.files import refuse_existing
    from asmnet_edge.training.float_model import refuse_other_suffix

    refuse_other_suffix(output)
    refuse_existing([output], overwrite)
