"""Writing frames into a video file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asmnet_edge.errors import UsageError
from asmnet_edge.pictures import Picture


class VideoWriter:
    """OpenCV's ``writer``, which reports no errors, and the number of frames given to it.

    size : (width, height) of the video; written : frames so far
    """

    def __init__(self, writer: Any, size: tuple[int, int]) -> None:
        self._writer, self.size, self.written = writer, size, 0

    def write(self, picture: Picture) -> None:
        """Add one frame, (H, W, 3) BGR; one of another size is stretched, not dropped."""
        import cv2

        if picture.shape[1::-1] != self.size:
            picture = cv2.resize(picture, self.size)  # type: ignore[assignment]
        self._writer.write(picture)
        self.written += 1


@contextmanager
def video_writer(path: Path, rate: float, size: tuple[int, int]) -> Iterator[VideoWriter]:
    """Write a video of ``size`` (width, height) to ``path`` as MPEG-4, without sound.

    rate : frames per second
    `UsageError` if the file does not hold all frames that were written, as on a full disk.
    """
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    if not writer.isOpened():
        raise UsageError(f"cannot write a video of {size[0]}x{size[1]} to {path}")
    video = VideoWriter(writer, size)
    try:
        yield video
    finally:
        writer.release()
    if video.written and (stored := count_frames(path)) < video.written:
        raise UsageError(
            f"{path.name} cannot be written: it holds {stored} of {video.written} frames",
            "Make room on the disk, or give --no-drawing",
        )


def count_frames(path: Path) -> int:
    """Count the frames that the video at ``path`` really holds; 0 if it cannot be opened.

    What its header states (``CAP_PROP_FRAME_COUNT``) is a guess in some formats. Encoded packets
    are read without decoding them where OpenCV can.
    """
    import cv2

    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_FORMAT, -1)  # -1: packets as they are in the file
    count = 0
    while video.isOpened() and video.grab():
        count += 1
    video.release()
    return count
