"""The loop over a stream's frames: follow the faces, annotate, call the sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.cameras.frames import Frame
from asmnet_edge.runtime.draw import draw_faces
from asmnet_edge.runtime.landmarker import Face
from asmnet_edge.runtime.stages import StageTimes
from asmnet_edge.runtime.tracking import FaceTracker

PAUSE = 1.0  # seconds between frames after which faces are detected anew

# called with a frame, its faces, and the annotated image or None where none is wanted
Sink = Callable[[Frame, Sequence[Face], Picture | None], None]


def follow(
    frames: Iterator[Frame | None],
    tracker: FaceTracker,
    sinks: Sequence[Sink],
    times: StageTimes,
    draws: Callable[[], bool] = lambda: False,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Call all ``sinks`` with each frame and its faces, annotated while ``draws()`` is true.

    tick : called in every turn, also while the camera gives nothing
    times : gets the milliseconds of each stage
    Time that we spend on a frame ourselves does not count as a pause of the camera.
    """
    last, spent = None, 0.0
    while True:
        start = perf_counter()
        frame = next(frames, _END)
        if frame is _END:
            return
        tick()
        if not isinstance(frame, Frame):
            continue
        if last is not None and not 0 <= frame.seconds - last <= PAUSE + spent:
            tracker.forget()
            times.pause()
        last, read = frame.seconds, perf_counter()
        faces = tracker.update(frame.picture, frame.seconds)
        found = perf_counter()
        annotated = draw_faces(frame.picture, faces) if draws() else None
        drawn = perf_counter()
        for sink in sinks:
            sink(frame, faces, annotated)
        stages = dict(vars(tracker.timings), smooth=tracker.smooth_ms)
        spent = perf_counter() - read
        times.add(read=1e3 * (read - start), draw=1e3 * (drawn - found) if annotated is not None
                  else 0.0, write=1e3 * (perf_counter() - drawn), **stages)  # fmt: skip


class _End:
    pass


_END = _End()
