"""What ``asmnet-edge predict`` makes of one picture: its drawing, its JSON, its lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from asmnet_edge.errors import UsageError

Pair = tuple[Path, Path]  # of a picture: where its drawing and its JSON go


def outputs_of(pictures: list[Path], folder: Path) -> dict[Path, Pair]:
    """For each picture, where its drawing and its JSON go; two must not go to one place.

    Where ``a.jpg`` and ``a.png`` would, they keep their suffix: ``a.png-faces.jpg``.
    """
    shared = Counter(path.stem for path in pictures)
    stems = {path: path.stem if shared[path.stem] == 1 else path.name for path in pictures}
    outputs = {
        path: (folder / f"{stem}-faces.jpg", folder / f"{stem}-faces.json")
        for path, stem in stems.items()
    }
    drawings = Counter(str(drawing) for drawing, _ in outputs.values())
    if twice := sorted(drawing for drawing, count in drawings.items() if count > 1):
        raise UsageError(
            f"several pictures would be written to {', '.join(twice)}", "Predict them in turns"
        )
    return outputs


def describe(path: Path, shape: Any, faces: list[Any], landmarker: Any) -> dict[str, Any]:
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


def write(outputs: Pair, picture: Any, faces: list[Any], content: Any, drawing: bool) -> None:
    from asmnet_edge.files import write_json
    from asmnet_edge.pictures import write_picture
    from asmnet_edge.runtime.draw import draw_faces

    if drawing:
        write_picture(outputs[0], draw_faces(picture, faces))
    write_json(outputs[1], content)


def summary(content: dict[str, Any], outputs: Pair) -> str:
    faces, times = content["faces"], content["timings_ms"]
    drawn = outputs[0] if outputs[0].exists() else outputs[1]
    lines = [
        f"{content['picture']}: {len(faces)} face{'' if len(faces) == 1 else 's'} "
        f"(detect {times['detect']:.0f} ms, infer {times['infer']:.1f} ms) -> {drawn}"
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
