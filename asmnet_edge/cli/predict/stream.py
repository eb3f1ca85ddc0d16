"""``asmnet-edge predict`` on a video file or a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asmnet_edge.cli.plain import note, stop_requests
from asmnet_edge.cli.predict.loop import Loop
from asmnet_edge.errors import CheckFailedError, UsageError

if TYPE_CHECKING:
    from asmnet_edge.cli.predict.wish import Wish
    from asmnet_edge.runtime.sources import Video

HOPE = 20.0  # seconds for a camera to give its first picture, unless it is waited for


def predict_video(wish: Wish) -> None:
    """A video file becomes a drawn one and a line of JSON a frame.

    With ``--serve`` it takes its own time and is then shown again and again, until Ctrl-C; what is
    written, printed and counted is of the first time.
    Exit code 1 tells of one that is cut off, `KeyboardInterrupt` that it was stopped; what was made
    till then is kept.
    """
    from asmnet_edge.files import make_folder, refuse_existing, staged
    from asmnet_edge.runtime.filmwriter import film_writer
    from asmnet_edge.runtime.sources import Video

    source = Path(wish.sources[0])
    drawn, lines = (wish.output / f"{source.stem}-faces{end}" for end in (".mp4", ".jsonl"))
    records = wish.records or lines
    refuse_existing([*([drawn] if wish.drawing else []), records], wish.overwrite)
    video = Video(source)
    make_folder(wish.output)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_requests())
        with ExitStack() as film:
            sinks = []
            if wish.drawing:
                place = film.enter_context(staged(drawn))
                writer = film.enter_context(film_writer(place, video.rate, video.size))
                sinks.append(lambda frame, _, picture: writer.write(_fitting(picture, video.size)))
            loop = Loop(wish, stack, records, sinks, draws=wish.drawing)
            frames = islice(video.frames(stop), wish.frames)
            loop.run(_shown(frames, video, wish, stop), video.count)
        stopped = stop()
        note(f"{'stopped early: ' if stopped else ''}written: {records}"
             f"{f', {drawn}' if wish.drawing else ''}")  # fmt: skip
        if wish.serve is not None and wish.frames is None and not stopped:
            note("shown again and again until Ctrl-C")
            loop.show(_again(source, wish, stop))
    _check(video, wish, stopped)


def _shown(
    frames: Iterator[Any], video: Video, wish: Wish, stop: Callable[[], bool]
) -> Iterator[Any]:
    """``frames`` at the film's own pace if somebody may look at them, else as quick as it goes."""
    from asmnet_edge.runtime.pace import at_pace

    return frames if wish.serve is None else at_pace(frames, video.rate, stop)


def _again(source: Path, wish: Wish, stop: Callable[[], bool]) -> Iterator[Any]:
    from asmnet_edge.runtime.sources import Video

    while not stop():
        video = Video(source)
        yield from _shown(video.frames(stop), video, wish, stop)


def _fitting(picture: Any, size: tuple[int, int]) -> Any:
    """``picture`` in the film's own size: a writer drops others without a word."""
    import cv2

    return picture if picture.shape[1::-1] == size else cv2.resize(picture, size)


def _check(video: Video, wish: Wish, stopped: bool) -> None:
    """Say what of the film is not as it should be."""
    if video.odd:
        note(f"{video.odd} frames have another size than the first: drawn ones were stretched")
    if stopped:
        raise KeyboardInterrupt
    if video.given != wish.frames and video.ended_early:
        raise CheckFailedError(
            f"{wish.sources[0]} ended after {video.given} of about {video.count} frames",
            "It is cut off or broken: copy it once more",
        )


def predict_camera(wish: Wish) -> None:
    """A camera, until Ctrl-C or ``--frames``: served, recorded, printed.

    Exit code 1 tells of one that gave nothing, unless it was to be waited for.
    """
    from asmnet_edge.runtime.cameras.camera import Camera
    from asmnet_edge.runtime.cameras.frames import CameraRule

    rule = CameraRule() if wish.wait else CameraRule(hope=HOPE)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_requests())
        loop = Loop(wish, stack, wish.records, [], live=True)
        if not (wish.records or wish.as_json or wish.serve is not None):
            note("counting only: --serve 8080 shows it, --records faces.csv keeps its faces")
        camera = stack.enter_context(Camera(wish.sources[0], _wanted(wish), rule, note))
        loop.run(_limited(camera.frames(stop), wish.frames), 0)
    if not (loop.pictures or wish.wait):
        raise CheckFailedError("stopped before the camera gave a picture")


def _wanted(wish: Wish) -> tuple[int, int, int]:
    if not wish.size:
        return 0, 0, wish.fps
    width, cross, height = wish.size.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UsageError(f"a size looks like 640x480, got {wish.size!r}")
    return int(width), int(height), wish.fps


def _limited(frames: Iterator[Any], count: int | None) -> Iterator[Any]:
    """``frames`` until that many came; what is None does not count."""
    for frame in frames:
        yield frame
        if frame is not None and count is not None and frame.number >= count:
            return
