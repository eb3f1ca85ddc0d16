"""``asmnet-edge import-keras``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from asmnet_edge.cli.terminal import import_keras, notes, silenced


@click.command()
@click.argument("source", metavar="NETWORK.keras", type=click.Path(path_type=Path))
@click.option("--output", required=True, metavar="MODEL.keras", type=click.Path(path_type=Path),
              help="Float model to write.")  # fmt: skip
@click.option("--scheme", required=True, type=click.Choice(["ibug68", "wflw98"]),
              help="How its landmarks are numbered.")  # fmt: skip
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
@click.option("--overwrite", is_flag=True, help="Replace a model that exists.")
def command(source: Path, output: Path, overwrite: bool, **meaning: Any) -> None:
    """Turn a landmark network of your own, saved by Keras 3, into a float model.

    It takes one square picture and gives landmarks, with or without pose; its layers are Keras'
    own. Nothing in the file is executed. Without pose, one that is linear in the landmarks is
    fitted to drawn faces.
    """
    import_keras()
    from asmnet_edge.files import refuse_existing
    from asmnet_edge.training.floatmodel import refuse_other_suffix
    from asmnet_edge.training.own import Meaning, import_own

    refuse_other_suffix(output)
    refuse_existing([output], overwrite)
    with silenced():
        model = import_own(source, Meaning(**meaning))
        model.save(output)
    notes.print(f"{model.scheme.name}, {model.variant.input_size} px, "
                f"{model.network.count_params():,} parameters, crop margin {model.crop.margin:g}, "
                f"{meaning['channels']} pixels {meaning['pixels']}, landmarks in units of "
                f"{meaning['units']}: {output}", soft_wrap=True)  # fmt: skip
    if error := model.provenance["imported"].get("pose_fitted_error_degrees"):
        notes.print(f"it gives no pose: fitted to the landmarks of drawn faces, {error:.1f}° off "
                    "on others", soft_wrap=True)  # fmt: skip
