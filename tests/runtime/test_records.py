"""Tables of faces, kinds of sources, times of stages, and annotated videos."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.errors import PictureError, UsageError
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.runtime.frame_loop import StageTimes
from asmnet_edge.runtime.landmarker import Face
from asmnet_edge.runtime.sinks import count_frames, open_records, until_it_fails, video_writer
from asmnet_edge.runtime.sources import (
    Kind,
    Video,
    kind_of,
    kind_of_all,
    pictures_in,
    without_secrets,
)


@pytest.fixture
def face(face_points: Callable) -> Callable[[int], Face]:
    def make(track: int) -> Face:
        landmarks = Landmarks(face_points(), IBUG68)
        return Face(landmarks, np.array([1.0, 2, 3]), landmarks.box, 0.75, track)

    return make


def test_json_lines_hold_every_picture(tmp_path: Path, face: Callable) -> None:
    with open_records(tmp_path / "faces.jsonl") as record:
        record({"frame": 1}, [face(4)])
        record({"frame": 2}, [])
        # whole already, should the power fail now
        first, second = map(json.loads, (tmp_path / "faces.jsonl").read_text().splitlines())
    assert (first["frame"], first["faces"][0]["track"]) == (1, 4)
    assert second == {"frame": 2, "faces": []}


def test_csv_has_a_row_a_face(tmp_path: Path, face: Callable) -> None:
    with open_records(tmp_path / "faces.csv") as record:
        record({"frame": 1, "seconds": 0.5}, [])
        record({"frame": 2, "seconds": 1.0}, [face(1), face(5)])
    with (tmp_path / "faces.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["face"] for row in rows] == ["1", "5"]
    assert rows[0]["frame"] == "2"
    assert (rows[0]["quality"], rows[0]["pitch"]) == ("0.75", "2.0")
    assert float(rows[0]["y67"]) == pytest.approx(face(1).landmarks.points[67, 1], abs=0.006)


def test_other_suffixes_of_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Known: .csv, .jsonl"), open_records(tmp_path / "a.xlsx"):
        pass


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("photo.jpg", Kind.PICTURES),
        ("folder", Kind.PICTURES),
        ("video.MP4", Kind.VIDEO),
        ("0", Kind.CAMERA),
        ("/dev/video0", Kind.CAMERA),
        ("rtsp://camera/stream", Kind.CAMERA),
        ("picamera2", Kind.CAMERA),
        ("picamera2:1", Kind.CAMERA),
        ("replay:video.mp4", Kind.CAMERA),
    ],
)
def test_what_a_source_is(source: str, kind: Kind) -> None:
    assert kind_of(source) is kind


def test_a_picture_named_like_a_camera_is_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("0").write_bytes(b"")
    assert kind_of("0") is Kind.PICTURES


def test_one_camera_at_a_time() -> None:
    with pytest.raises(UsageError, match="one video or camera at a time"):
        kind_of_all(("0", "1"))


def test_a_folder_stands_for_its_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert pictures_in([str(tmp_path)]) == [tmp_path / "a.JPG", tmp_path / "b.png"]


def test_annotated_pictures_in_a_folder_are_left_out(tmp_path: Path) -> None:
    for name in ("a.jpg", "a-faces.jpg", "a-faces.json", "two-faces.jpg"):
        (tmp_path / name).touch()
    assert pictures_in([str(tmp_path)]) == [tmp_path / "a.jpg", tmp_path / "two-faces.jpg"]


def test_a_folder_without_pictures_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PictureError, match=rf"in the folder {tmp_path}\. Name a picture"):
        pictures_in(["."])
    (tmp_path / "video.mp4").touch()
    with pytest.raises(PictureError, match=r"Name the video itself: .* video\.mp4"):
        pictures_in(["."])


def write_video(folder: Path, frames: int) -> Path:
    """A grey video of 64 x 48 pixels, 25 pictures a second."""
    path = folder / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(frames):
        writer.write(np.full((48, 64, 3), 99, np.uint8))
    writer.release()
    return path


def test_a_video_gives_its_frames_and_their_times(tmp_path: Path) -> None:
    path = write_video(tmp_path, 5)
    video = Video(path)
    assert (video.rate, video.count, video.size) == (25, 5, (64, 48))
    frames = list(video.frames())
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5]
    assert frames[-1].seconds == pytest.approx(4 / 25)


def test_a_video_that_lost_frames_on_the_disk_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with video_writer(path, 25, (64, 48)) as video:
        for _ in range(3):
            video.write(np.full((48, 64, 3), 99, np.uint8))
    assert len(list(Video(path).frames())) == 3
    with pytest.raises(UsageError, match=r"2 of 3 frames.*Make room"):  # noqa: SIM117
        with video_writer(path, 25, (64, 48)) as video:
            for _ in range(2):
                video.write(np.full((48, 64, 3), 99, np.uint8))
            video.written += 1  # a frame that OpenCV lost without an error


def test_frames_of_a_video_are_counted_not_taken_from_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path, 20)
    opened = cv2.VideoCapture

    class Guessing:
        """A file whose header states a hundred frames."""

        def __init__(self, name: str) -> None:
            self._file = opened(name)

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

        def get(self, what: int) -> float:
            return 100.0 if what == cv2.CAP_PROP_FRAME_COUNT else self._file.get(what)

    monkeypatch.setattr(cv2, "VideoCapture", Guessing)
    assert count_frames(path) == 20
    assert count_frames(tmp_path / "none.mp4") == 0


@pytest.mark.parametrize("content", [None, b"", b"Dear Sir or Madam"])
def test_what_is_no_video_is_reported(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "video.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PictureError, match="video.mp4"):
        Video(path)


def test_skipped_stages_do_not_count() -> None:
    times = StageTimes()
    for number in range(1, 101):
        times.add(infer=float(number), detect=5.0 if number == 1 else 0.0)
    assert times.percentile("infer", 50) == pytest.approx(50.5)
    assert times.percentile("detect", 50) == 5
    assert times.percentile("draw", 50) is None
    assert times.pictures == 100
    assert times.line().startswith("100 pictures, ")
    assert "draw" not in times.line()


def test_a_search_and_the_frames_without_one_are_reported_apart() -> None:
    times = StageTimes()
    for number in range(100):
        searched = number % 10 == 0
        times.add(infer=9.0 if searched else 3.0, detect=20.0 * searched)
    expected = "ms p50: detect 20.00 in 10 of them; in the others: infer 3.00"
    assert times.line().endswith(expected)


def test_the_recent_rate_covers_the_last_pictures_only(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = iter([*range(10), 9.5, 10.0, 10.5, 99.0, 99.5])
    monkeypatch.setattr("asmnet_edge.runtime.frame_loop.perf_counter", lambda: next(ends))
    times = StageTimes()
    for _ in range(13):
        times.add(infer=1.0)
    assert times.recent(3) == 2
    assert times.per_second == pytest.approx(12 / 10.5)
    times.pause()
    for _ in range(2):
        times.add(infer=1.0)
    assert times.per_second == pytest.approx(13 / 11)  # the pause counts nowhere


def test_with_detection_on_all_frames_one_set_of_times_is_reported() -> None:
    times = StageTimes()
    assert times.line() == "no picture came"
    for _ in range(2):
        times.add(infer=9.0, detect=20.0)
    assert times.line().endswith("; ms p50: detect 20.00, infer 9.00")


# what goes on, and what fails


def test_a_recording_continues_after_a_power_failure(tmp_path: Path, face: Callable) -> None:
    path = tmp_path / "faces.csv"
    for number in (1, 2):
        with open_records(path, append=True) as record:
            record({"frame": number}, [face(number)])
        with path.open("a") as file:
            file.write("3,0.5,cut o")
    with open_records(path, append=True):
        pass
    with path.open() as file:
        assert [(row["frame"], row["face"]) for row in csv.DictReader(file)] == [
            ("1", "1"),
            ("2", "2"),
        ]


def test_a_long_incomplete_line_is_removed_completely(tmp_path: Path, face: Callable) -> None:
    path = tmp_path / "faces.jsonl"
    path.write_bytes(b'{"frame": 1}\n' + b"[" * 200_000)
    with open_records(path, append=True) as record:
        record({"frame": 2}, [])
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_table_with_other_columns_is_not_continued(tmp_path: Path, face: Callable) -> None:
    path = tmp_path / "faces.csv"
    path.write_text("frame,face\n")
    with (
        pytest.raises(UsageError, match="other columns"),
        open_records(path, append=True) as record,
    ):
        record({"frame": 1}, [face(1)])
    assert path.read_text() == "frame,face\n"


def test_a_full_disk_is_reported_once_and_does_not_end_the_stream(face: Callable) -> None:
    lines: list[str] = []

    def full(facts: object, faces: object) -> None:
        raise UsageError("cannot write faces.csv: No space left on device")

    record = until_it_fails(full, lines.append)
    for number in range(3):
        record({"frame": number}, [])
    assert lines == ["cannot write faces.csv: No space left on device; going on without recording"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_device_is_named(face: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asmnet_edge.runtime.sinks.SUFFIXES", ("",))
    with (
        pytest.raises(UsageError, match="cannot write /dev/full: No space left"),
        open_records(Path("/dev/full")) as record,
    ):
        record({"frame": 1}, [face(1)])


def test_other_errors_are_not_attributed_to_the_table(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), open_records(tmp_path / "faces.csv"):
        raise BrokenPipeError


# sources


def test_any_character_device_is_a_camera() -> None:
    assert kind_of("/dev/null") is Kind.CAMERA
    assert kind_of("/dev/v4l/by-id/usb-camera-index0") is Kind.CAMERA


def test_a_picamera_has_a_number() -> None:
    with pytest.raises(UsageError, match="picamera2:NUMBER"):
        kind_of("picamera2:abc")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:secret@host:554/live", "rtsp://host:554/live"),
        ("rtsp://me:se@cr/et@host/live", "rtsp://host/live"),
        ("no http://host/v?pw=secret here", "no http://host/v?... here"),
        ("/dev/video0 may not be read", "/dev/video0 may not be read"),
    ],
)
def test_addresses_are_shown_without_secrets(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_a_video_that_is_cut_off_is_noticed(tmp_path: Path) -> None:
    path = write_video(tmp_path, 50)
    whole = Video(path)
    assert len(list(whole.frames())) == whole.count == 50
    assert not whole.ended_early
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    half = Video(path)
    half.count = 50  # as formats with their index in front still say
    assert len(list(half.frames())) == half.read < 40
    assert half.ended_early


def test_a_huge_video_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "video.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48)).write(
        np.zeros((48, 64, 3), np.uint8)
    )
    monkeypatch.setattr("asmnet_edge.runtime.sources.MAX_PIXELS", 3000)
    with pytest.raises(PictureError, match=r"64 x 48 pixels; at most 3,000"):
        Video(path)


def test_a_pause_is_no_picture_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.1, 0.2, 3600.0, 3600.1])
    monkeypatch.setattr("asmnet_edge.runtime.frame_loop.perf_counter", lambda: next(clock))
    times = StageTimes()
    for number in range(5):
        if number == 3:
            times.pause()
        times.add(infer=1.0)
    assert times.per_second == pytest.approx(10)
    assert times.pictures == 5


def test_an_address_of_another_kind_is_refused_without_its_password() -> None:
    assert kind_of("RTSP://me:secret@host/live") is Kind.CAMERA
    with pytest.raises(UsageError, match="gopher://host is no address") as refused:
        kind_of("gopher://me:secret@host")
    assert "secret" not in str(refused.value)
