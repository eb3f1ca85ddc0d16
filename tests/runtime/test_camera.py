"""A camera that crashes, hangs or lies comes back; old or torn frames never come through."""

import os
import runpy
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.runtime.camera import Camera
from asmnet_edge.runtime.frames import CameraRule, Frame
from asmnet_edge.runtime.slots import (
    FRAME,
    MESSAGE,
    BrokenMessageError,
    Message,
    Slots,
    memory_file,
)

HERE = Path(__file__).parent
SOAK = runpy.run_path(str(HERE / "soak_camera.py"))
FAULTY = runpy.run_path(str(HERE / "faulty_camera.py"))


def test_every_fault_is_recovered_from() -> None:
    found = SOAK["soak"](12, seed=1)  # all assertions are in there
    assert sum(found["faults"].values()) == found["outages"] == 12
    assert found["last"] == found["first"]
    assert found["lines"] == 2  # lost, back; the others came too soon after to be worth a line


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Ten frames of 64 x 48, each a little brighter."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def frames_of(camera: Camera, count: int) -> list[Frame]:
    return list(islice((frame for frame in camera.frames() if frame), count))


def test_a_film_replayed_is_a_camera(film: Path) -> None:
    with Camera(f"replay:{film}") as camera:
        frames = frames_of(camera, 15)
        assert frames[0].picture.shape == (48, 64, 3)
    assert [frame.number for frame in frames] == list(range(1, 16))
    assert (np.diff([frame.seconds for frame in frames]) > 0).all()
    assert camera.outages == 0


def test_who_is_slow_gets_the_newest_frame(film: Path) -> None:
    with Camera(f"replay:{film}") as camera:
        frames = (frame for frame in camera.frames() if frame)
        next(frames)
        time.sleep(0.3)
        assert time.monotonic() - next(frames).seconds < 0.15
        assert camera.dropped > 5


def test_a_camera_that_is_not_there_is_told_once_and_why() -> None:
    lines: list[str] = []
    rule = CameraRule(retry=0.05, longest=0.1, tick=0.05)
    with Camera("/dev/video-none", rule=rule, tell=lines.append) as camera:
        end = time.monotonic() + 2.5
        assert list(camera.frames(lambda: time.monotonic() > end)).count(None) > 10
        assert camera.outages == 1
    (line,) = lines
    assert "/dev/video-none cannot be opened as a camera; trying again" in line


def test_it_stops_when_asked_and_leaves_no_process(film: Path) -> None:
    camera = Camera(f"replay:{film}")
    frames_of(camera, 1)
    process = camera._process
    assert process
    camera.close()
    assert process.poll() is not None


def test_a_capture_process_that_cannot_be_started_is_an_outage(tmp_path: Path) -> None:
    with Camera("0", command=[str(tmp_path / "none")]) as camera:
        assert next(camera.frames()) is None
        assert camera.outages == 1


# slots


@pytest.fixture
def slots() -> Slots:
    return Slots(memory_file())


@pytest.fixture
def put(slots: Slots) -> Callable[..., Message]:
    def write(number: int, value: int = 7, size: int = 4 * 5 * 3) -> Message:
        slots.write(number, np.full((4, 5, 3), value, np.uint8))
        return Message(FRAME, number, 1.5, 4, 5, size)

    return write


def test_what_was_written_is_read(slots: Slots, put: Callable) -> None:
    picture = slots.read(put(1), None)
    assert picture is not None
    assert (picture == 7).all()


def test_memory_is_used_again_if_it_fits(slots: Slots, put: Callable) -> None:
    kept, small = np.empty((4, 5, 3), np.uint8), np.empty((1, 5, 3), np.uint8)
    assert slots.read(put(1), kept) is kept
    assert slots.read(put(2), small) is not small


def test_a_frame_that_was_written_over_is_none(slots: Slots, put: Callable) -> None:
    old = put(1)
    put(4)  # the same slot
    assert slots.read(old, None) is None


@pytest.mark.parametrize(("height", "width"), [(0, 5), (70_000, 70_000), (4, 6)])
def test_a_frame_of_another_size_than_told_is_refused(
    slots: Slots, put: Callable, height: int, width: int
) -> None:
    put(1)
    with pytest.raises(BrokenMessageError):
        slots.read(Message(FRAME, 1, 1.5, height, width, 60), None)


def test_a_message_comes_out_as_it_went_in() -> None:
    message = Message(FRAME, 2**40, 1.25, 480, 640, 921600, "")
    assert Message.unpacked(message.packed()) == message
    with pytest.raises(BrokenMessageError):
        Message.unpacked(bytes(MESSAGE.size))


def test_the_process_ends_when_nobody_reads(film: Path) -> None:
    camera = Camera(f"replay:{film}")
    frames_of(camera, 1)
    process = camera._process
    assert process

    os.close(camera._pipe)
    camera._pipe = -1
    assert process.wait(3) == 0
    camera.close()


def test_torn_frames_would_be_noticed() -> None:
    picture = FAULTY["stamped"](12.5)
    assert FAULTY["stamp_of"](picture) == 12.5
    picture.reshape(-1)[3] ^= 255
    with pytest.raises(AssertionError):
        FAULTY["stamp_of"](picture)
