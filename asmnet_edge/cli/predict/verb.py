"""``asmnet-edge predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from asmnet_edge.cli.models import MODEL
from asmnet_edge.cli.predict.wish import Wish


@click.command()
@click.argument("sources", nargs=-1)
@click.option(
    "--sample", is_flag=True, help="Use the sample picture that comes with the package as SOURCES."
)
@click.option(
    "--model",
    type=MODEL,
    help="Artifact (.tflite, .onnx, .xml) with its manifest.  [default: the shipped int8 TFLite]",
)
@click.option(
    "--trust",
    is_flag=True,
    help="Take a model without a manifest: it is tried in a process of its own first.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder for what is written, <name>-faces.*.  [default: where you are]",
)
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    help="Write the faces of all pictures or frames into this .csv or .jsonl; a camera's go on "
    "with a file that is there, a video's come here instead of into <name>-faces.jsonl.",
)
@click.option(
    "--drawing/--no-drawing",
    default=True,
    show_default=True,
    help="Write pictures and videos with the landmarks drawn.",
)
@click.option(
    "--detector",
    type=click.Choice(["haar", "yunet", "none"]),
    default="haar",
    show_default=True,
    help="How faces are found; none: each picture is one face.",
)
@click.option("--yunet", type=click.Path(path_type=Path), help="YuNet's model, .onnx.")
@click.option("--threads", type=click.IntRange(1), help="Of the network.  [default: by the CPU]")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Pictures at a time."
)
@click.option(
    "--faces",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Followed at most, in a video or camera.",
)
@click.option(
    "--smooth/--no-smooth",
    default=True,
    show_default=True,
    help="Smooth landmarks and pose from frame to frame.",
)
@click.option(
    "--size",
    default="",
    metavar="WxH",
    help="Size to ask an attached camera for.  [default: 640x480]",
)
@click.option("--fps", type=click.IntRange(0, 1000), default=0, help="Rate to ask it for.")
@click.option("--frames", type=click.IntRange(1), help="Stop after so many.  [default: never]")
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for a camera that has given no picture yet, however long.  [default: about 20 s]",
)
@click.option(
    "--serve",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Show the stream on a page there; a film at its own pace, again and again.",
)
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="To serve on; any but this machine's own needs --token.",
)
@click.option(
    "--token",
    default="",
    envvar="ASMNET_EDGE_TOKEN",
    help="Word that the page asks for.  [env: ASMNET_EDGE_TOKEN]",
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print the faces as JSON, a line a picture.")
def command(sources: tuple[str, ...], sample: bool, **options: Any) -> None:
    """Find faces, their landmarks and pose in SOURCES.

    \b
    Pictures and folders of them, or one of these:
      a video file
      a camera: 0, /dev/video0, picamera2, rtsp://..., replay:FILE (a file again and again)

    A picture becomes <name>-faces.jpg and <name>-faces.json, a video <name>-faces.mp4 and
    <name>-faces.jsonl; of a.jpg and a.png the suffix stays in the name. A camera is shown with
    --serve, and recorded with --records. A video with --serve is shown again and again until Ctrl-C
    (or once, with --frames); what is written is of the first time.
    """
    wish = Wish(sources=_sources(sources, sample), **options)
    from asmnet_edge.runtime.sources import Kind, kind_of_all

    kind = kind_of_all(wish.sources)
    if kind is Kind.PICTURES:
        from asmnet_edge.cli.predict.pictures import predict_pictures

        predict_pictures(wish)
    else:
        from asmnet_edge.cli.predict.stream import predict_camera, predict_video

        (predict_video if kind is Kind.VIDEO else predict_camera)(wish)


def _sources(given: tuple[str, ...], sample: bool) -> tuple[str, ...]:
    """Return the sources given, or the sample picture; one of the two must be there."""
    from asmnet_edge.shipped import sample_picture

    if sample and given:
        raise click.UsageError(f"--sample takes no SOURCES, got {', '.join(given)}.")
    if not sample and not given:
        raise click.UsageError(
            "Give a picture, a folder, a video or a camera, or try the sample: --sample"
        )
    return (str(sample_picture()),) if sample else given
