"""``asmnet-edge predict``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from asmnet_edge.cli.terminal import notes, silenced
from asmnet_edge.errors import CheckFailedError, PictureError, UsageError


@click.command()
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Artifact (.tflite, .onnx, .xml) with its manifest.  [default: the shipped int8 TFLite]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder for <name>-faces.jpg and <name>-faces.json.  [default: where you are]",
)
@click.option(
    "--detector",
    type=click.Choice(["haar", "none"]),
    default="haar",
    show_default=True,
    help="How faces are found; none: each picture is one face.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print the faces as JSON, a line a picture.")
def command(
    pictures: tuple[Path, ...],
    model: Path | None,
    output: Path,
    detector: str,
    threads: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Find faces in PICTURES; write each picture with the landmarks drawn, and a JSON."""
    from asmnet_edge.files import refuse_existing
    from asmnet_edge.pictures import read_picture
    from asmnet_edge.runtime.detect import DETECTORS
    from asmnet_edge.runtime.landmarker import FaceLandmarker

    outputs = _outputs(pictures, output)
    refuse_existing([p for pair in outputs.values() for p in pair], overwrite)
    with silenced():
        landmarker = FaceLandmarker.open(model, DETECTORS[detector], threads=threads)
    unread = []
    for path in pictures:
        try:
            picture = read_picture(path)
        except PictureError as error:
            unread.append(error)
            continue
        faces = landmarker.detect(picture)
        content = _describe(path, picture.shape, faces, landmarker)
        _write(outputs[path], picture, faces, content)
        click.echo(json.dumps(content) if as_json else _summary(path, content, outputs[path][0]))
    _tell(unread, len(pictures))


def _tell(unread: list[PictureError], count: int) -> None:
    """One unreadable picture does not cost the others; the exit code tells of it all the same."""
    if count == 1 and unread:
        raise unread[0]
    for error in unread:
        notes.print(f"Error: {error}", soft_wrap=True)
    if unread:
        raise CheckFailedError(f"{len(unread)} of {count} pictures could not be read")


def _outputs(pictures: tuple[Path, ...], folder: Path) -> dict[Path, tuple[Path, Path]]:
    """For each picture, where its drawing and its JSON go; two must not go to one place."""
    outputs = {
        path: (folder / f"{path.stem}-faces.jpg", folder / f"{path.stem}-faces.json")
        for path in pictures
    }
    drawings = [drawing for drawing, _ in outputs.values()]
    if twice := sorted({str(d) for d in drawings if drawings.count(d) > 1}):
        raise UsageError(
            f"several pictures would be written to {', '.join(twice)}", "Predict them in turns"
        )
    return outputs


def _describe(path: Path, shape: Any, faces: list[Any], landmarker: Any) -> dict[str, Any]:
    manifest = landmarker.artifact.manifest
    return {
        "picture": str(path),
        "size": [shape[1], shape[0]],
        "scheme": manifest.scheme,
        "model": landmarker.artifact.path.name,
        "runtime": landmarker.artifact.backend.name,
        "timings_ms": {k: round(v, 3) for k, v in vars(landmarker.timings).items()},
        "faces": [face.as_json() for face in faces],
    }


def _write(outputs: tuple[Path, Path], picture: Any, faces: list[Any], content: Any) -> None:
    from asmnet_edge.files import write_json
    from asmnet_edge.pictures import write_picture
    from asmnet_edge.runtime.draw import draw_faces

    write_picture(outputs[0], draw_faces(picture, faces))
    write_json(outputs[1], content)


def _summary(path: Path, content: dict[str, Any], drawn: Path) -> str:
    faces, times = content["faces"], content["timings_ms"]
    lines = [
        f"{path}: {len(faces)} face{'' if len(faces) == 1 else 's'} "
        f"(detect {times['detect']:.0f} ms, infer {times['infer']:.1f} ms) -> {drawn}"
    ]
    for face in faces:
        x, y, width, height = face["box"]
        angles = ", ".join(f"{axis} {round(value):+d}°" for axis, value in face["pose"].items())
        lines.append(f"  {round(width)}x{round(height)} px at ({round(x)}, {round(y)}): {angles}")
    if not faces:
        lines.append("  no face found; --detector none takes the whole picture as one")
    return "\n".join(lines)
