"""A camera recovers from crashes, hangs and corrupt messages; old or torn frames are dropped."""

import os
import runpy
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from asmnet_edge.errors import CheckFailedError, DataError
from asmnet_edge.runtime.cameras import opencv_capture
from asmnet_edge.runtime.cameras.camera import Camera, CameraRule, Outages
from asmnet_edge.runtime.cameras.opencv_capture import Device, check_device
from asmnet_edge.runtime.cameras.transport import (
    FRAME,
    MESSAGE,
    BrokenMessageError,
    DeviceClock,
    Message,
    Slots,
    memory_file,
)
from asmnet_edge.runtime.sources import Frame

HERE = Path(__file__).parent
SOAK = runpy.run_path(str(HERE / "soak_camera.py"))
FAULTY = runpy.run_path(str(HERE / "faulty_camera.py"))


def test_every_fault_is_recovered_from() -> None:
    found = SOAK["soak"](12, seed=1)  # all assertions are in there
    assert sum(found["faults"].values()) == found["outages"] == 12
    assert found["last"] == found["first"]
    assert found["lines"] == 2  # lost, back; the others came too soon after to be worth a line


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten frames of 64 x 48, each a little brighter."""
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def frames_of(camera: Camera, count: int) -> list[Frame]:
    return list(islice((frame for frame in camera.frames() if frame), count))


def test_a_video_replayed_is_a_camera(video: Path) -> None:
    with Camera(f"replay:{video}") as camera:
        frames = frames_of(camera, 15)
        assert frames[0].picture.shape == (48, 64, 3)
    assert [frame.number for frame in frames] == list(range(1, 16))
    assert (np.diff([frame.seconds for frame in frames]) > 0).all()
    assert camera.outages == 0


def test_a_slow_caller_gets_the_newest_frame(video: Path) -> None:
    with Camera(f"replay:{video}") as camera:
        frames = (frame for frame in camera.frames() if frame)
        next(frames)
        time.sleep(0.3)
        assert time.monotonic() - next(frames).seconds < 0.15
        assert camera.dropped > 5


def test_a_pause_of_the_caller_is_no_fault_of_the_camera(video: Path) -> None:
    # so long that the pipe is full, and what lies in it is old
    rule = CameraRule(silence=1.0, stale=0.1)
    with Camera(f"replay:{video}", (0, 0, 1000), rule) as camera:
        frames = (frame for frame in camera.frames() if frame)
        next(frames)
        time.sleep(1.5)
        next(frames)
        assert camera.outages == 0


def test_a_missing_camera_is_reported_once_with_the_reason() -> None:
    lines: list[str] = []
    rule = CameraRule(retry=0.05, longest=0.1, tick=0.05)
    with Camera("/dev/video-none", rule=rule, log=lines.append) as camera:
        end = time.monotonic() + 2.5
        assert list(camera.frames(lambda: time.monotonic() > end)).count(None) > 10
        assert camera.outages == 1
    (line,) = lines
    assert "/dev/video-none does not exist. Plug the camera in" in line
    assert line.endswith("; waiting for it")


def test_a_camera_that_never_gave_a_picture_is_given_up() -> None:
    lines: list[str] = []
    rule = CameraRule(retry=0.05, longest=0.1, tick=0.05, give_up=0.3)
    with (
        Camera("0", rule=rule, command=["false"], log=lines.append) as camera,
        pytest.raises(CheckFailedError, match=r"no picture in .*ended \(1\).*picamera2"),
    ):
        list(camera.frames())
    assert [line.split("; ")[1] for line in lines] == ["trying again for 0 s"]


def test_a_camera_that_gave_one_is_not_given_up(video: Path) -> None:
    with Camera(f"replay:{video}", rule=CameraRule(give_up=0.1)) as camera:
        frames_of(camera, 1)
        assert camera._child
        camera._child.process.kill()
        frames_of(camera, 5)
        assert camera.outages == 1


def test_it_stops_on_request_and_leaves_no_process(video: Path) -> None:
    camera = Camera(f"replay:{video}")
    frames_of(camera, 1)
    assert camera._child
    process = camera._child.process
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


def test_a_written_frame_is_read(slots: Slots, put: Callable) -> None:
    picture = slots.read(put(1), None)
    assert picture is not None
    assert (picture == 7).all()


def test_memory_is_reused_if_it_fits(slots: Slots, put: Callable) -> None:
    kept, small = np.empty((4, 5, 3), np.uint8), np.empty((1, 5, 3), np.uint8)
    assert slots.read(put(1), kept) is kept
    assert slots.read(put(2), small) is not small


def test_an_overwritten_frame_is_none(slots: Slots, put: Callable) -> None:
    old = put(1)
    put(4)  # the same slot
    assert slots.read(old, None) is None


@pytest.mark.parametrize(("height", "width"), [(0, 5), (70_000, 70_000), (4, 6)])
def test_a_frame_of_another_size_than_stated_is_refused(
    slots: Slots, put: Callable, height: int, width: int
) -> None:
    put(1)
    with pytest.raises(BrokenMessageError):
        slots.read(Message(FRAME, 1, 1.5, height, width, 60), None)


def test_a_message_survives_packing() -> None:
    message = Message(FRAME, 2**40, 1.25, 480, 640, 921600, "")
    assert Message.unpacked(message.packed()) == message
    with pytest.raises(BrokenMessageError):
        Message.unpacked(bytes(MESSAGE.size))


def test_the_process_ends_without_a_reader(video: Path) -> None:
    camera = Camera(f"replay:{video}")
    frames_of(camera, 1)
    child = camera._child
    assert child
    os.close(child.pipe)
    child.pipe = -1
    assert child.process.wait(3) == 0
    camera.close()


def test_torn_frames_would_be_detected() -> None:
    picture = FAULTY["stamped"](12.5)
    assert FAULTY["stamp_of"](picture) == 12.5
    picture.reshape(-1)[3] ^= 255
    with pytest.raises(AssertionError):
        FAULTY["stamp_of"](picture)


# what goes wrong is logged


def lines_of(camera: Camera, lines: list[str], seconds: float = 8.0) -> list[str]:
    """What is logged until there is something, at most that long."""
    end = time.monotonic() + seconds
    list(camera.frames(lambda: bool(lines) or time.monotonic() > end))
    return lines


@pytest.mark.parametrize(
    ("program", "logged"),
    [
        ("import sys; sys.exit('numpy.dtype size changed')", "ended (1): numpy.dtype size changed"),
        ("import os; os.kill(os.getpid(), 11)", "its process ended (SIGSEGV)"),
        ("import sys\nwhile True: sys.stderr.write(9999 * 'x' + '\\n'); 1 / 0", "ZeroDivision"),
    ],
)
def test_how_a_process_ended_is_reported(program: str, logged: str) -> None:
    lines: list[str] = []
    with Camera("0", command=[sys.executable, "-c", program], log=lines.append) as camera:
        (line,) = lines_of(camera, lines)
    assert logged in line


def test_what_a_driver_raises_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as Picamera2 does when another program has the camera
    (tmp_path / "picamera2.py").write_text(
        "class Picamera2:\n"
        " global_camera_info = staticmethod(lambda: [{}])\n"
        " def __init__(self, n): raise RuntimeError('Failed to acquire: Device busy')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    lines: list[str] = []
    with Camera("picamera2", log=lines.append) as camera:
        (line,) = lines_of(camera, lines)
    assert "RuntimeError: Failed to acquire: Device busy; waiting" in line


def test_no_code_is_taken_from_the_folder_it_runs_in(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cv2.py").write_text("open('ran', 'w').close()")
    monkeypatch.chdir(tmp_path)
    with Camera(f"replay:{video}") as camera:
        frames_of(camera, 1)
    assert not Path("ran").exists()


def test_passwords_are_never_logged() -> None:
    lines: list[str] = []
    program = "import sys; sys.exit('cannot open rtsp://me:se/cr@et@host/live?pw=secret')"
    source = "rtsp://me:secret@host/live?pw=secret"
    with Camera(source, command=[sys.executable, "-c", program], log=lines.append) as camera:
        (line,) = lines_of(camera, lines)
    assert line.startswith("camera rtsp://host/live?...: ")
    assert "cannot open rtsp://host/live?..." in line
    assert "secret" not in line
    assert "et" not in line.split()


def test_the_error_of_an_unreadable_device_names_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "video0").write_bytes(b"")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may read everything
    with pytest.raises(DataError, match="usermod -aG video"):
        check_device(tmp_path / "video0")


def test_a_slow_camera_is_given_more_time_each_time() -> None:
    program = "import time; time.sleep(60)"
    rule = CameraRule(opening=0.05, longest_opening=0.15, retry=0.0, longest=0.0, tick=0.01)
    with Camera("0", rule=rule, command=[sys.executable, "-c", program]) as camera:
        given = [camera._opening for _ in islice(camera.frames(), 60)]
    assert sorted(set(given)) == [0.05, 0.1, 0.15]


def test_processes_that_cannot_be_killed_do_not_accumulate(monkeypatch: pytest.MonkeyPatch) -> None:
    started, lines = [], []

    class Undead:
        """Hangs in its driver."""

        def __init__(self, *_: object) -> None:
            started.append(self)
            self.process, self.dropped = SimpleNamespace(poll=lambda: None), 0

        def newest(self, seconds: float) -> None:
            raise BrokenMessageError("hung")

        def end(self) -> bool:
            return False

    monkeypatch.setattr("asmnet_edge.runtime.cameras.camera.CaptureProcess", Undead)
    rule = CameraRule(retry=0.0, longest=0.0, tick=0.001)
    with Camera("0", rule=rule, log=lines.append) as camera:
        list(islice(camera.frames(), 50))
    assert len(started) == 2
    assert [("hang in the driver" in line) for line in lines] == [False, True]


# outages, by a clock of their own


@pytest.fixture
def logged() -> list[str]:
    return []


@pytest.fixture
def outages(logged: list[str]) -> Outages:
    return Outages("0", CameraRule(steady=10, retry=0.2, longest=2.0), logged.append)


def test_an_outage_soon_after_a_return_is_reported_once_it_lasts(
    outages: Outages, logged: list[str]
) -> None:
    outages.frame(0)
    outages.fail("unplugged", 100)
    outages.frame(105)
    for now in range(108, 3108):
        outages.fail("unplugged", now)
    assert [line.split(": ")[1][:6] for line in logged] == ["unplug", "back a", "unplug"]
    outages.frame(3108)
    assert logged[-1] == "camera 0: back after 3000.0 s"


def test_one_frame_does_not_make_it_restart_at_once(outages: Outages, logged: list[str]) -> None:
    waits, now = [], 100.0
    for _ in range(1000):
        outages.frame(now)
        waits.append(outages.fail("dies", now) - now)
        now += waits[-1]
    assert waits[0] == pytest.approx(0.2)
    assert waits[-1] == pytest.approx(2.0)
    assert 4 <= len(logged) <= 10  # in half an hour
    for second in range(12):
        outages.frame(now + second)
    assert outages.fail("dies", now + 12) - now - 12 == pytest.approx(0.2)


# devices: OpenCV's reader in a fake one's place


class FakeCapture:
    """Gives ``contents`` in turn; as V4L2 does, encoded ones unless it shall convert."""

    def __init__(self, contents: list[np.ndarray], can: bool = True, code: str = "MJPG") -> None:
        self.contents, self.can, self.converts = iter(contents), can, True
        self.code, self.stamp = cv2.VideoWriter.fourcc(*code), 0.0

    def set(self, name: int, value: float) -> bool:
        if name == cv2.CAP_PROP_CONVERT_RGB and self.can:
            self.converts = bool(value)
        return self.can

    def get(self, name: int) -> float:
        return self.code if name == cv2.CAP_PROP_FOURCC else self.stamp

    def read(self) -> tuple[bool, np.ndarray | None]:
        content = next(self.contents, None)
        if content is not None and self.converts and content.ndim < 3:
            content = cv2.imdecode(content, cv2.IMREAD_COLOR)
        return content is not None, content


WHOLE = cv2.imencode(".jpg", np.full((48, 64, 3), 200, np.uint8))[1].reshape(1, -1)
HALF = WHOLE[:, : WHOLE.size // 2]
PLAIN = np.full((48, 64, 3), 9, np.uint8)


def test_truncated_jpegs_are_dropped() -> None:
    device = Device(FakeCapture([WHOLE, HALF, HALF, np.pad(WHOLE, ((0, 0), (0, 99)))]))
    shots = list(iter(device.grab, None))
    assert [shot.picture.shape for shot in shots] == [(48, 64, 3)] * 2
    assert min(shot.picture.min() for shot in shots) > 190


@pytest.mark.parametrize("capture", [
    FakeCapture([WHOLE], can=False), FakeCapture([PLAIN], code="YUYV"), FakeCapture([PLAIN]),
    FakeCapture([np.zeros((1, 6144), np.uint8), PLAIN]),
])  # fmt: skip
def test_a_camera_without_jpegs_works(capture: FakeCapture) -> None:
    shots = list(iter(Device(capture).grab, None))
    assert [shot.picture.shape for shot in shots] == [(48, 64, 3)]
    assert capture.converts


def test_opencv_decodes_if_all_jpegs_are_truncated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opencv_capture, "JPEG_SECONDS", 0.0)
    capture = FakeCapture([HALF, PLAIN, PLAIN])
    assert len(list(iter(Device(capture).grab, None))) == 2
    assert capture.converts


def test_the_stamp_of_a_device_is_when_a_frame_was_taken() -> None:
    now = time.monotonic()
    clock = DeviceClock()
    assert clock.taken(now - 0.1) == now - 0.1
    assert clock.taken(now - 5) == now - 5  # lay in a queue
    assert clock.taken(now + 9) < now + 1
    assert clock.taken(0.0) >= now


def test_a_stamp_of_another_clock_is_ignored() -> None:
    for stamp in (0.0, time.time(), time.monotonic() + 100):
        clock, now = DeviceClock(), time.monotonic()
        assert clock.taken(stamp) >= now
        assert clock.taken(now - 0.1) >= now  # nor later
