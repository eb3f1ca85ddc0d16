"""Faces of image files: read, detect, annotate and write each image, several at a time.

The part of `asmnet_edge.runtime.pipeline.Pipeline` for images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from asmnet_edge.errors import PictureError, UsageError
from asmnet_edge.io.files import convert_paths, refuse_existing, write_json
from asmnet_edge.io.images import read_image, write_image
from asmnet_edge.io.system import opencv_threads
from asmnet_edge.runtime.frame_loop import StageTimes, Stop
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker
from asmnet_edge.runtime.sinks import draw_faces, open_records
from asmnet_edge.runtime.sources import pictures_in


@dataclass(frozen=True)
class ImageOutputs:
    """Files to write for images.

    folder : for ``<name>-faces.json`` and, with annotate, ``<name>-faces.jpg``; None for neither
    records : table of all faces, .csv or .jsonl; overwrite : replace files that exist
    """

    folder: Path | None = None
    annotate: bool = True
    records: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        convert_paths(self, "folder", "records")


@dataclass(frozen=True)
class ImageFiles:
    """Paths of the files to write for one image; None for a file that is not written."""

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
            f"several pictures would be written to {', '.join(twice)}",
            "Run predict on them separately",
        )
    return {
        path: ImageFiles(place if annotate else None, place.with_suffix(".json"))
        for path, place in places.items()
    }


@dataclass(frozen=True)
class ImageResult:
    """Faces of one image.

    size : (width, height) in pixels; facts : all of it as JSON can hold it
    milliseconds : by stage; files : that were written
    error : why the image could not be read; then there is nothing else
    """

    path: Path
    size: tuple[int, int] = (0, 0)
    faces: Sequence[Face] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    files: ImageFiles = field(default_factory=ImageFiles)
    error: PictureError | None = None


def plan_images(sources: Iterable[str | Path], outputs: ImageOutputs) -> dict[Path, ImageFiles]:
    """Return the images of ``sources``, files and folders, and the files to write for each.

    `OutputExistsError` if a file exists that ``outputs`` does not allow to replace.
    """
    paths = pictures_in([str(source) for source in sources])
    files = {path: ImageFiles() for path in paths}
    if outputs.folder is not None:
        files = image_files(paths, outputs.folder, outputs.annotate)
    records = [outputs.records] if outputs.records else []
    written = [path for place in files.values() for path in place.written]
    refuse_existing([*written, *records], outputs.overwrite)
    return files


def process_images(
    files: dict[Path, ImageFiles],
    landmarkers: Sequence[FaceLandmarker],
    times: StageTimes,
    records: Path | None = None,
    stop: Stop = lambda: False,
) -> Iterator[ImageResult]:
    """Yield the result of each image in order; as many are processed at a time as ``landmarkers``.

    times : gets the milliseconds of each stage; records : table of all faces
    stop : true ends the iteration before the next image
    """
    jobs = len(landmarkers)
    process = _image_processor(files, landmarkers, stop)
    with ExitStack() as stack:
        record = stack.enter_context(open_records(records)) if records else None
        results: Iterator[ImageResult | None] = map(process, files)
        if jobs > 1:
            from concurrent.futures import ThreadPoolExecutor

            # threads of OpenCV and of the jobs would compete for the same cores
            stack.enter_context(opencv_threads(1))
            results = stack.enter_context(ThreadPoolExecutor(jobs)).map(process, files)
        for result in results:
            if result is None:
                return
            if not result.error:
                times.add(**result.milliseconds)
                if record:
                    record({"picture": str(result.path)}, result.faces)
            yield result


def _image_processor(
    files: dict[Path, ImageFiles], landmarkers: Sequence[FaceLandmarker], stop: Stop
) -> Callable[[Path], ImageResult | None]:
    """Return a function that processes one image with an idle landmarker; None once stopped."""
    idle: SimpleQueue[FaceLandmarker] = SimpleQueue()
    for landmarker in landmarkers:
        idle.put(landmarker)

    def process(path: Path) -> ImageResult | None:
        if stop():
            return None
        landmarker = idle.get()
        try:
            return process_image(path, landmarker, files[path])
        except PictureError as error:
            return ImageResult(path, error=error)
        finally:
            idle.put(landmarker)

    return process


def process_image(path: Path, landmarker: FaceLandmarker, files: ImageFiles) -> ImageResult:
    """Read the image at ``path``, find its faces, and write ``files``."""
    start = perf_counter()
    picture = read_image(path)
    read = perf_counter()
    faces = landmarker.detect(picture)
    found = perf_counter()
    size = picture.shape[1], picture.shape[0]
    facts = image_facts(path, size, faces, landmarker)
    if files.annotated:
        write_image(files.annotated, draw_faces(picture, faces))
    if files.json:
        write_json(files.json, facts)
    written = perf_counter()
    stages = {"read": 1e3 * (read - start), **vars(landmarker.timings)}
    stages["write"] = 1e3 * (written - found)
    return ImageResult(path, size, faces, facts, stages, files)


def image_facts(
    path: Path, size: tuple[int, int], faces: Sequence[Face], landmarker: FaceLandmarker
) -> dict[str, Any]:
    """Describe an image and its faces, as ``predict --json`` prints them."""
    artifact = landmarker.artifact
    return {
        "picture": str(path),
        "size": list(size),
        "scheme": artifact.landmark_scheme.name,
        "model": artifact.path.name,
        "runtime": artifact.backend.name,
        "timings_ms": {k: round(v, 3) for k, v in vars(landmarker.timings).items()},
        "faces": [face.as_json() for face in faces],
    }
