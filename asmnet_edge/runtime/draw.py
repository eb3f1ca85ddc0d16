"""Annotated images: the faces that a landmarker found, drawn onto a copy of their image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asmnet_edge.drawing import draw_landmarks, draw_pose
from asmnet_edge.errors import UsageError
from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.landmarker import Face


def draw_faces(picture: Picture, faces: Sequence[Face]) -> Picture:
    """Return a copy of ``picture`` (H, W, 3) BGR with landmarks and head axes of ``faces``."""
    canvas = picture.copy()
    for face in faces:
        draw_landmarks(canvas, face.landmarks)
        draw_pose(canvas, face.landmarks, face.pose)
    return canvas


@dataclass(frozen=True)
class ImageFiles:
    """Paths of what is written about one image; None for what is not."""

    annotated: Path | None = None
    json: Path | None = None

    @property
    def written(self) -> list[Path]:
        return [path for path in (self.annotated, self.json) if path]


def image_files(paths: Sequence[Path], folder: Path, annotate: bool) -> dict[Path, ImageFiles]:
    """Return for each of ``paths`` where its annotated image and its JSON go, in ``folder``.

    Where ``a.jpg`` and ``a.png`` would share a name they keep their suffix: ``a.png-faces.jpg``.
    `UsageError` if two images would still be written to one place.
    """
    shared = Counter(path.stem for path in paths)
    stems = {path: path.stem if shared[path.stem] == 1 else path.name for path in paths}
    places = {path: folder / f"{stem}-faces.jpg" for path, stem in stems.items()}
    counts = Counter(map(str, places.values()))
    if twice := sorted(place for place, count in counts.items() if count > 1):
        raise UsageError(
            f"several pictures would be written to {', '.join(twice)}", "Predict them in turns"
        )
    return {
        path: ImageFiles(place if annotate else None, place.with_suffix(".json"))
        for path, place in places.items()
    }
