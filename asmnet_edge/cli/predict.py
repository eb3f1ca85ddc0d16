"""``asmnet-edge predict``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import note, silenced, stop_requests
from asmnet_edge.errors import CheckFailedError, PictureError, UsageError
from asmnet_edge.runtime.detector import DETECTORS

if TYPE_CHECKING:
    from asmnet_edge.runtime.frame_loop import Sink, StageTimes
    from asmnet_edge.runtime.pipeline import Pipeline
    from asmnet_edge.runtime.pipeline_options import ImageResult, StreamOutputs


# ``asmnet-edge predict``: parses options, runs `Pipeline`, prints what it found

PROGRESS_EVERY = 1.0  # seconds between progress lines on a terminal
RECENT = 60  # frames over which the rate is shown


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
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder for the outputs, <name>-faces.*.  [default: the current one]",
)
@click.option(
    "--records",
    type=click.Path(path_type=Path),
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
@click.option(
    "--yunet", type=click.Path(path_type=Path), help="Model file (.onnx) for --detector yunet."
)
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
def command(sources: tuple[str, ...], sample: bool, **options: Any) -> None:
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
    from asmnet_edge.runtime.pipeline import Pipeline
    from asmnet_edge.runtime.pipeline_options import PipelineOptions
    from asmnet_edge.runtime.sources import Kind, kind_of_all

    sources = _sources(sources, sample)
    kind = kind_of_all(sources)
    names = ("model", "trust", "detector", "threads", "faces", "smooth")
    chosen = {name: options[name] for name in names}
    progress = Progress(bool(options["token"]))
    pipeline_options = PipelineOptions(detector_model=options["yunet"], **chosen)
    with Pipeline(pipeline_options, progress.log, progress, silenced) as pipeline:
        if kind is Kind.PICTURES:
            predict_pictures(pipeline, sources, options)
        elif kind is Kind.VIDEO:
            predict_video(pipeline, Path(sources[0]), options)
        else:
            predict_camera(pipeline, sources[0], options)


class Progress:
    """Progress on a terminal: one line that is rewritten; other lines go on a line of their own.

    secret : the page's address holds a token, which is not logged where nobody watches
    """

    def __init__(self, secret: bool = False) -> None:
        self._shown, self._is_open, self._secret = time.monotonic(), False, secret

    def log(self, line: str) -> None:
        if self._is_open:
            note("")
            self._is_open = False
        if line.startswith("watch at ") and self._secret and not sys.stderr.isatty():
            line = without_token(line)
        note(line)

    def __call__(self, times: StageTimes, expected: int) -> None:
        now = time.monotonic()
        if now - self._shown >= PROGRESS_EVERY and sys.stderr.isatty():
            self._shown, self._is_open = now, True
            total = f" of {expected}" if expected else ""
            rate = times.recent(RECENT)
            click.echo(f"\r{times.pictures}{total} pictures, {rate:.1f} a second   ",
                       nl=False, err=True)  # fmt: skip


def without_token(line: str) -> str:
    """Return ``line``, "watch at ADDRESS", with address and port alone: journals keep it."""
    from urllib.parse import urlsplit

    parts = urlsplit(line.removeprefix("watch at "))
    return f"serving on {parts.hostname}, port {parts.port}"


# pictures


def predict_pictures(pipeline: Pipeline, sources: Sequence[str], options: dict[str, Any]) -> None:
    """Process every picture that can be read; `CheckFailedError` if there were others."""
    from asmnet_edge.runtime.pipeline_options import ImageOutputs
    from asmnet_edge.runtime.sources import pictures_in

    if options["serve"] is not None:
        raise UsageError("--serve shows a video or a camera, no pictures", "Leave it out")
    count, done, unread = len(pictures_in(sources)), 0, []
    outputs = ImageOutputs(
        options["output"], options["drawing"], options["records"], options["overwrite"]
    )
    with stop_requests() as stop:
        for done, result in enumerate(pipeline.images(sources, outputs, options["jobs"], stop), 1):
            if result.error:
                unread.append(result.error)
                continue
            click.echo(json.dumps(result.facts) if options["as_json"] else summary(result))
            if sys.stderr.isatty() and count > 1:
                click.echo(f"{done} of {count}\r", nl=False, err=True)
    if done < count:
        raise KeyboardInterrupt
    if count > 1:
        note(pipeline.times.line())
    report_unread(unread, count)


def report_unread(unread: list[PictureError], count: int) -> None:
    """Raise the error of a single picture; print those of several and raise `CheckFailedError`."""
    if count == 1 and unread:
        raise unread[0]
    for error in unread:
        note(f"Error: {error}")
    if unread:
        raise CheckFailedError(f"{len(unread)} of {count} pictures could not be read")


def summary(result: ImageResult) -> str:
    """Return a line about the picture and one about each face."""
    faces, times = result.facts["faces"], result.facts["timings_ms"]
    lines = [
        f"{result.path}: {len(faces)} face{'' if len(faces) == 1 else 's'} "
        f"(detect {times['detect']:.0f} ms, infer {times['infer']:.1f} ms) "
        f"-> {result.files.written[0]}"
    ]
    for face in faces:
        x, y, width, height = face["box"]
        angles = ", ".join(f"{axis} {round(value):+d}°" for axis, value in face["pose"].items())
        doubt = "" if face["quality"] >= 0.5 else ", hardly a face"
        lines.append(
            f"  {round(width)}x{round(height)} px at ({round(x)}, {round(y)}): {angles}{doubt}"
        )
    if not faces:
        lines.append("  no face found; --detector none takes the whole picture as one")
    return "\n".join(lines)


# videos and cameras


def stream_outputs(options: dict[str, Any], live: bool, **files: Any) -> StreamOutputs:
    """Return what the options ask for; ``files`` : video and records."""
    from asmnet_edge.runtime.pipeline_options import ServerOptions, StreamOutputs

    serve = options["serve"]
    server = None if serve is None else ServerOptions(serve, options["address"], options["token"])
    sinks = [print_json(live)] if options["as_json"] else []
    return StreamOutputs(
        server=server,
        frames=options["frames"],
        sinks=sinks,
        overwrite=options["overwrite"],
        **files,
    )


def print_json(live: bool) -> Sink:
    """Return a sink that prints each frame's faces as a line of JSON."""
    from asmnet_edge.runtime.pipeline import frame_facts

    def write(frame: Any, faces: Sequence[Any], annotated: Any) -> None:
        facts = frame_facts(frame, live)
        click.echo(json.dumps({**facts, "faces": [face.as_json() for face in faces]}))

    return write


def predict_video(pipeline: Pipeline, source: Path, options: dict[str, Any]) -> None:
    """Write an annotated video and a line of JSON a frame; with --serve, then show it in a loop.

    `CheckFailedError` for a video that is cut off, `KeyboardInterrupt` where the user stopped it;
    what was written until then is kept.
    """
    video, lines = (options["output"] / f"{source.stem}-faces{end}" for end in (".mp4", ".jsonl"))
    records = options["records"] or lines
    video = video if options["drawing"] else None
    outputs = stream_outputs(options, live=False, video=video, records=records)
    with stop_requests() as stop:
        summary = pipeline.video(source, outputs, stop)
        note(f"{'stopped early: ' if summary.stopped else ''}written: {records}"
             f"{f', {video}' if video else ''}")  # fmt: skip
        if outputs.server and outputs.frames is None and not summary.stopped:
            note("shown in a loop until Ctrl-C")
            pipeline.replay(source, stop)
    if summary.resized:
        note(f"{summary.resized} frames have another size than the first: "
             "drawn ones were stretched")  # fmt: skip
    if summary.stopped:
        raise KeyboardInterrupt
    if summary.ended_early:
        raise CheckFailedError(
            f"{source} ended after {summary.frames} of about {summary.expected} frames",
            "It is cut off or broken: copy it once more",
        )


def predict_camera(pipeline: Pipeline, source: str, options: dict[str, Any]) -> None:
    """Serve, record and print a camera's frames until Ctrl-C or ``--frames``."""
    from asmnet_edge.runtime.pipeline_options import CameraOptions

    outputs = stream_outputs(options, live=True, records=options["records"])
    if not (outputs.records or outputs.sinks or outputs.server):
        note("counting only: --serve 8080 shows it, --records faces.csv keeps its faces")
    width, height = parse_size(options["size"])
    camera = CameraOptions(width, height, options["fps"], options["wait"])
    with stop_requests() as stop:
        pipeline.camera(source, outputs, camera, stop)


def parse_size(text: str) -> tuple[int, int]:
    """Parse ``640x480``; an empty text is 0, 0: the camera's default."""
    if not text:
        return 0, 0
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UsageError(f"a size looks like 640x480, got {text!r}")
    return int(width), int(height)


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
