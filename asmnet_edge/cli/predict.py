"""``asmnet-edge predict``: its options; `asmnet_edge.cli.prediction` carries them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import silenced
from asmnet_edge.cli.prediction import Prediction, Progress
from asmnet_edge.runtime.detector import DETECTORS

PATH = click.Path(path_type=Path)
PIPELINE = ("model", "trust", "detector", "threads", "faces", "smooth")  # names of its options


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
    help="Accept a model without a manifest. It is first tested in a sandbox process.",
)
@click.option(
    "--output",
    type=PATH,
    default=Path(),
    help="Folder for the outputs, <name>-faces.*.  [default: the current one]",
)
@click.option(
    "--records",
    type=PATH,
    help="Table (.csv or .jsonl) of the faces in all pictures or frames. A camera appends to an "
    "existing table. For a video, this table replaces <name>-faces.jsonl.",
)
@click.option(
    "--drawing/--no-drawing",
    default=True,
    show_default=True,
    help="Write copies of the pictures and videos with the landmarks drawn.",
)
@click.option(
    "--detector",
    type=click.Choice(list(DETECTORS)),
    default="haar",
    show_default=True,
    help="Face detector. none treats each picture as one face.",
)
@click.option("--yunet", type=PATH, help="Model file (.onnx) for --detector yunet.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads for the network.  [default: chosen for the CPU]",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Number of pictures to process in parallel.",
)
@click.option(
    "--faces",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Largest number of faces to track in a video or camera stream.",
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
    help="Frame size to request from an attached camera.  [default: 640x480]",
)
@click.option(
    "--fps",
    type=click.IntRange(0, 1000),
    default=0,
    help="Frames per second to request from an attached camera.  [default: chosen by the camera]",
)
@click.option(
    "--frames", type=click.IntRange(1), help="Stop after this many frames.  [default: never]"
)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for the first frame of a camera without a limit.  [default: give up after about "
    "20 s]",
)
@click.option(
    "--serve",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Show the stream on a web page at this port. A video plays at its own speed and repeats.",
)
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="Address of the page. An address that other machines can reach requires --token.",
)
@click.option(
    "--token",
    default="",
    envvar="ASMNET_EDGE_TOKEN",
    help="Token that the page asks for.  [env: ASMNET_EDGE_TOKEN]",
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the faces as JSON, one line for each picture or frame.",
)
def command(sources: tuple[str, ...], sample: bool, yunet: Path | None, **options: Any) -> None:
    """Find faces, their landmarks and pose in SOURCES.

    \b
    SOURCES are pictures and folders of pictures, or exactly one of these:
      a video file
      a camera: 0, /dev/video0, picamera2, rtsp://...
      replay:FILE, a video that is played as if it were a camera

    The results for a picture are <name>-faces.jpg and <name>-faces.json, for a video
    <name>-faces.mp4 and <name>-faces.jsonl. If two pictures differ only in their suffix, as a.jpg
    and a.png do, the suffix becomes part of <name>. For a camera, --serve shows the frames and
    --records writes the faces to a table.

    With --serve, a video repeats until Ctrl-C, or plays once if --frames is given. Files are
    written during the first pass only.
    """
    from asmnet_edge.runtime.pipeline import Pipeline, PipelineOptions
    from asmnet_edge.runtime.sources import Kind, kind_of_all

    sources = _sources(sources, sample)
    kind = kind_of_all(sources)
    chosen = PipelineOptions(detector_model=yunet, **{name: options.pop(name) for name in PIPELINE})
    progress = Progress(bool(options["token"]))
    with Pipeline(chosen, progress.log, progress, silenced) as pipeline:
        prediction = Prediction(pipeline, **options)
        if kind is Kind.PICTURES:
            prediction.pictures(sources)
        elif kind is Kind.VIDEO:
            prediction.video(Path(sources[0]))
        else:
            prediction.camera(sources[0])


def _sources(given: tuple[str, ...], sample: bool) -> tuple[str, ...]:
    """Return the sources given, or the sample picture; one of the two must be there."""
    from asmnet_edge.io.files import sample_picture

    if sample and given:
        raise click.UsageError(f"--sample takes no SOURCES, got {', '.join(given)}.")
    if not sample and not given:
        raise click.UsageError(
            "Give a picture, a folder, a video or a camera, or try the sample: --sample"
        )
    return (str(sample_picture()),) if sample else given
