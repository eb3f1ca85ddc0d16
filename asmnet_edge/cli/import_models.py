"""``asmnet-edge import-h5`` and ``asmnet-edge import-keras``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from asmnet_edge.cli.terminal import import_keras as load_keras
from asmnet_edge.cli.terminal import notes, silenced
from asmnet_edge.geometry.schemes import SCHEMES

SCHEME_HELP = "; ".join(f"{entry.name}: {entry.help}" for entry in SCHEMES.values())
output_option = click.option("--output", required=True, metavar="MODEL.keras",
                             type=click.Path(path_type=Path),
                             help="Float model to write.")  # fmt: skip
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace a model that exists.")


@click.command()
@click.argument("source", metavar="FILE.h5", type=click.Path(path_type=Path))
@output_option
@click.option("--channels", type=click.Choice(["rgb", "bgr"]), default="rgb", show_default=True,
              help="Order it was trained with; the published code reads RGB.")  # fmt: skip
@click.option("--crop-margin", type=click.FloatRange(0, 10, min_open=True), default=1.05,
              show_default=True,
              help="Side of the crop, as a multiple of the longer side of the landmarks' box. The "
              "published code takes the box and 0 to 10 pixels more on each side.")  # fmt: skip
@overwrite_option
def import_h5(
    source: Path, output: Path, channels: str, crop_margin: float, overwrite: bool
) -> None:
    """Turn an official ASMNet or MobileNetV2 model, written by Keras 2, into a float model.

    Only weights are read, by name and shape; nothing in the file is executed.
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
@click.option("--scheme", required=True, type=click.Choice(list(SCHEMES)),
              help=f"Numbering of its landmarks. {SCHEME_HELP}.")  # fmt: skip
@click.option("--crop-margin", "margin", type=click.FloatRange(0, 10, min_open=True), default=1.25,
              show_default=True, help="Side of the crop that it was trained on, as a multiple of "
              "the longer side of the landmarks' box.")  # fmt: skip
@click.option("--pixels", type=click.Choice(["-1..1", "0..1", "0..255"]), default="0..1",
              show_default=True, help="Range in which it takes pixels.")  # fmt: skip
@click.option("--channels", type=click.Choice(["rgb", "bgr"]), default="rgb", show_default=True,
              help="Order in which it takes them.")  # fmt: skip
@click.option("--units", type=click.Choice(["crop", "pixels", "centred"]), default="crop",
              show_default=True, help="Of its landmarks: 0 to 1 across the crop, pixels of the "
              "crop (centres at whole numbers), or -1 to 1 across it.")  # fmt: skip
@click.option("--landmarks", default="", metavar="OUTPUT",
              help="Output with the landmarks, if more than one might be.")  # fmt: skip
@click.option("--pose", default="", metavar="OUTPUT",
              help="Output with yaw, pitch, roll in degrees, if it is not named so.")  # fmt: skip
@overwrite_option
def import_keras(source: Path, output: Path, overwrite: bool, **conventions: Any) -> None:
    """Turn a landmark network of your own, saved by Keras 3, into a float model.

    It takes one square picture and gives landmarks, with or without pose; all its layers must be
    standard Keras layers. Nothing in the file is executed. For a network without pose, a linear
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
