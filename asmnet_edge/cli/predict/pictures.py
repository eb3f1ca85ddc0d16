"""``asmnet-edge predict`` on pictures and folders."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from asmnet_edge.cli.plain import note, stop_requests
from asmnet_edge.cli.predict.onepicture import Pair, describe, outputs_of, summary, write
from asmnet_edge.errors import CheckFailedError, PictureError, UsageError

if TYPE_CHECKING:
    from asmnet_edge.cli.predict.wish import Wish


def predict_pictures(wish: Wish) -> None:
    """Every picture that can be read is predicted; exit code 1 tells of those that cannot."""
    from asmnet_edge.files import refuse_existing
    from asmnet_edge.runtime.records import open_records
    from asmnet_edge.runtime.sources import pictures_in
    from asmnet_edge.runtime.stages import StageTimes

    if wish.serve is not None:
        raise UsageError("--serve shows a video or a camera, no pictures", "Leave it out")
    pictures = pictures_in(wish.sources)
    outputs = outputs_of(pictures, wish.output)
    written = [p for pair in outputs.values() for p in (pair if wish.drawing else pair[1:])]
    refuse_existing([*written, *([wish.records] if wish.records else [])], wish.overwrite)
    times, unread = StageTimes(), []
    predict = _predictor(wish, outputs, min(wish.jobs, len(pictures)))
    with ExitStack() as stack:
        record = stack.enter_context(open_records(wish.records)) if wish.records else None
        stop = stack.enter_context(stop_requests())
        for number, (path, result) in enumerate(_results(predict, pictures, wish.jobs, stop), 1):
            if isinstance(result, PictureError):
                unread.append(result)
                continue
            content, faces, stages = result
            times.add(**stages)
            if record:
                record({"picture": str(path)}, faces)
            click.echo(json.dumps(content) if wish.as_json else summary(content, outputs[path]))
            _show_progress(number, len(pictures))
    if len(pictures) > 1:
        note(times.line())
    _tell(unread, len(pictures))


def _show_progress(number: int, count: int) -> None:
    if sys.stderr.isatty() and count > 1:
        click.echo(f"{number} of {count}\r", nl=False, err=True)


def _results(
    predict: Callable[[Path], Any], pictures: list[Path], jobs: int, stop: Callable[[], bool]
) -> Iterator[tuple[Path, Any]]:
    """What ``predict`` makes of each, in order; ends early when asked to, with whole results."""

    def unless_stopped(path: Path) -> Any:
        return None if stop() else predict(path)

    with ThreadPoolExecutor(jobs) as pool:
        made = pool.map(unless_stopped, pictures) if jobs > 1 else map(unless_stopped, pictures)
        for path, result in zip(pictures, made, strict=True):
            if result is None:
                raise KeyboardInterrupt
            yield path, result


def _predictor(wish: Wish, outputs: dict[Path, Pair], jobs: int) -> Callable[[Path], Any]:
    """A function of a picture's path that ``jobs`` threads may call; it tells what came of it.

    One landmarker a thread, all opened here: opening them turns the process' output off and on.
    """
    import cv2

    idle: SimpleQueue[Any] = SimpleQueue()
    for landmarker in wish.open_landmarkers(jobs):
        idle.put(landmarker)
    if jobs > 1:
        cv2.setNumThreads(1)  # OpenCV's own threads would only get into each other's way

    def predict(path: Path) -> Any:
        landmarker = idle.get()
        try:
            return _predicted(path, landmarker, outputs[path], wish.drawing)
        except PictureError as error:
            return error
        finally:
            idle.put(landmarker)

    return predict


def _predicted(path: Path, landmarker: Any, outputs: Pair, drawing: bool) -> Any:
    """What is written of the picture at ``path``, its faces, and milliseconds by stage."""
    from asmnet_edge.pictures import read_picture

    start = perf_counter()
    picture = read_picture(path)
    read = perf_counter()
    faces = landmarker.detect(picture)
    found = perf_counter()
    content = describe(path, picture.shape, faces, landmarker)
    write(outputs, picture, faces, content, drawing)
    stages = {"read": 1e3 * (read - start), **vars(landmarker.timings)}
    return content, faces, {**stages, "write": 1e3 * (perf_counter() - found)}


def _tell(unread: list[PictureError], count: int) -> None:
    """One unreadable picture does not cost the others; the exit code tells of it all the same."""
    if count == 1 and unread:
        raise unread[0]
    for error in unread:
        note(f"Error: {error}")
    if unread:
        raise CheckFailedError(f"{len(unread)} of {count} pictures could not be read")
