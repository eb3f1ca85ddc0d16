"""``asmnet-edge import-h5``."""

from __future__ import annotations

from pathlib import Path

import click

from asmnet_edge.cli.terminal import import_keras, notes, silenced


@click.command()
@click.argument("source", metavar="FILE.h5", type=click.Path(path_type=Path))
@click.option("--output", required=True, metavar="MODEL.keras", type=click.Path(path_type=Path),
              help="Float model to write.")  # fmt: skip
@click.option("--channels", type=click.Choice(["rgb", "bgr"]), default="rgb", show_default=True,
              help="Order it was trained with; the published code reads RGB.")  # fmt: skip
@click.option("--crop-margin", type=click.FloatRange(0, 10, min_open=True), default=1.05,
              show_default=True,
              help="Side of the crop, as a multiple of the longer side of the landmarks' box. The "
              "published code takes the box and 0 to 10 pixels more on each side.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a model that exists.")
def command(source: Path, output: Path, channels: str, crop_margin: float, overwrite: bool) -> None:
    """Turn an official ASMNet or MobileNetV2 model, written by Keras 2, into a float model.

    Only weights are read, by name and shape; nothing in the file is executed.
    """
    import_keras()
    from asmnet_edge.files import refuse_existing
    from asmnet_edge.training.floatmodel import refuse_other_suffix
    from asmnet_edge.training.official import import_h5

    refuse_other_suffix(output)
    refuse_existing([output], overwrite)
    with silenced():
        model = import_h5(source, channels, crop_margin)
        model.save(output)
    variant, crop = model.variant, model.crop
    notes.print(f"{variant.architecture}, {variant.points} points, "
                f"{model.network.count_params():,} parameters, crop margin {crop.margin:g}: "
                f"{output}")  # fmt: skip
