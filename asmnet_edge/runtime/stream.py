"""The loop over a video's or camera's frames: follow the faces, hand each result on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.cameras.frames import Frame
from asmnet_edge.runtime.draw import draw_faces
from asmnet_edge.runtime.landmarker import Face
from asmnet_edge.runtime.stages import StageTimes
from asmnet_edge.runtime.tracking import FaceTracker

# seconds without a frame after which nothing goes on from where it was, as when a film begins anew
PAUSE = 1.0

Sink = Callable[[Frame, Sequence[Face], Picture | None], None]


def follow(
    frames: Iterator[Frame | None],
    tracker: FaceTracker,
    sinks: Sequence[Sink],
    times: StageTimes,
    draws: Callable[[], bool] = lambda: False,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Give each frame with its faces to all ``sinks``, drawn as well while ``draws`` says so.

    tick : called in every turn, also while the camera gives nothing
    What a slow machine needs for a frame is no pause of the camera's.
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
        drawn = draw_faces(frame.picture, faces) if draws() else None
        painted = perf_counter()
        for sink in sinks:
            sink(frame, faces, drawn)
        stages = dict(vars(tracker.timings), smooth=tracker.smooth_ms)
        spent = perf_counter() - read
        times.add(read=1e3 * (read - start), draw=1e3 * (painted - found) if drawn is not None
                  else 0.0, write=1e3 * (perf_counter() - painted), **stages)  # fmt: skip


class _End:
    pass


_END = _End()
