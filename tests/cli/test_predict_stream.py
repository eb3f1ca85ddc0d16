"""``asmnet-edge predict`` on folders, videos and cameras."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shared

from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.io.images import write_image
from asmnet_edge.io.system import our_python
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime import sandbox, stream_pipeline
from asmnet_edge.runtime.monitoring import ThrottlingMonitor
from asmnet_edge.runtime.sources import Video

Run = Callable[..., Any]
FRAMES = 24
PATIENCE = 120.0  # seconds, on a machine that is busy with other things


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face that walks to the right, 24 frames of 320 x 256."""
    return shared.moving_face(tmp_path_factory.mktemp("videos") / "video.avi", FRAMES)


def test_a_folder_is_predicted_in_parallel_and_in_order(asmnet_edge: Run, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        write_image(tmp_path / "photos" / f"{seed}.png", draw_face(seed).picture)
    table, out = tmp_path / "faces.csv", tmp_path / "out"
    words = ("--jobs", 3, "--records", table, "--no-drawing", "--output", out, "--json")
    ended = asmnet_edge("predict", tmp_path / "photos", *words)
    assert ended.code == 0
    names = [Path(json.loads(line)["picture"]).name for line in ended.out.splitlines()]
    assert names == ["1.png", "2.png", "3.png"]
    assert sorted(path.name for path in out.iterdir()) == [f"{i}-faces.json" for i in (1, 2, 3)]
    with table.open() as file:
        assert [Path(row["picture"]).stem for row in csv.DictReader(file)] == ["1", "2", "3"]
    assert re.search(r"3 pictures, .* a second; ms p50: read .* infer ", ended.err)


def test_parallel_jobs_find_the_same_faces(asmnet_edge: Run, tmp_path: Path) -> None:
    for seed in range(6):
        write_image(tmp_path / "photos" / f"{seed}.png", draw_face(seed).picture)
    found = []
    for jobs in (1, 4):
        words = ("--jobs", jobs, "--output", tmp_path / str(jobs), "--json", "--no-drawing")
        lines = asmnet_edge("predict", tmp_path / "photos", *words).out.splitlines()
        found.append([json.loads(line)["faces"] for line in lines])
    assert found[0] == found[1]


def test_a_video_becomes_a_drawn_one_and_a_line_a_frame(
    asmnet_edge: Run, video: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("predict", video, "--output", tmp_path)
    assert ended.code == 0
    lines = [json.loads(x) for x in (tmp_path / "video-faces.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, FRAMES + 1))
    assert all([face["track"] for face in line["faces"]] == [1] for line in lines)
    first, last = (np.mean(lines[i]["faces"][0]["landmarks"], axis=0) for i in (0, -1))
    assert last[0] - first[0] == pytest.approx(2 * (FRAMES - 1), abs=6)
    drawn = Video(tmp_path / "video-faces.mp4")
    assert drawn.size == (320, 256)
    assert len(list(drawn.frames())) == FRAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "video-faces.jsonl",
        "video-faces.mp4",
    ]


def test_a_video_is_not_overwritten(asmnet_edge: Run, video: Path, tmp_path: Path) -> None:
    (tmp_path / "video-faces.mp4").write_text("the old one")
    ended = asmnet_edge("predict", video, "--output", tmp_path)
    assert ended.code == 2
    assert "already there" in ended.complaint
    assert (tmp_path / "video-faces.mp4").read_text() == "the old one"


def test_what_is_no_video_is_reported(asmnet_edge: Run, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_text("Dear Sir or Madam")
    assert "video.mp4 is not a video" in asmnet_edge("predict", path).complaint


def test_a_camera_is_printed_for_the_requested_frames(asmnet_edge: Run, video: Path) -> None:
    ended = asmnet_edge("predict", f"replay:{video}", "--frames", 5, "--json")
    assert ended.code == 0
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["frame"] for line in lines] == [1, 2, 3, 4, 5]
    assert "5 pictures, " in ended.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("0", "1"), "one video or camera at a time"),
        (("0", "--size", "large"), "looks like 640x480"),
        (("0", "--serve", "0", "--address", "0.0.0.0"), "--token"),
        (("0", "--detector", "yunet"), "--yunet FILE.onnx"),
        (("0", "--records", "faces.xlsx"), "Known: .csv, .jsonl"),
        (("photo.jpg", "--serve", "0"), "shows a video or a camera"),
    ],
    ids=str,
)
def test_wrong_options_are_reported_before_the_camera_is_opened(
    asmnet_edge: Run, words: tuple[str, ...], expected: str
) -> None:
    ended = asmnet_edge("predict", *words)
    assert ended.code == 2
    assert expected in ended.complaint


@pytest.fixture
def serving(video: Path) -> Any:
    """The command, serving the video as a camera; and its page's address."""
    command = [sys.executable, "-m", "asmnet_edge", "predict", f"replay:{video}", "--serve", "0"]
    environment = {**os.environ, "ASMNET_EDGE_TOKEN": "a-long-enough-word"}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**environment, "ASMNET_EDGE_TOKEN": ""}
    ) as process:
        assert process.stderr
        url = process.stderr.readline().partition("watch at ")[2].strip()
        yield process, url
        process.kill()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_ends_cleanly(serving: Any, by: signal.Signals) -> None:
    process, url = serving
    facts = faces_at(url)
    assert facts["faces"][0]["track"] == 1
    process.send_signal(by)
    assert process.wait(PATIENCE) == 0
    assert "Traceback" not in process.stderr.read()


def faces_at(url: str) -> dict[str, Any]:
    """What the page shows, once that is fresh and has a face."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with urllib.request.urlopen(url + "faces.json", timeout=PATIENCE) as answer:
            facts: dict[str, Any] = json.loads(answer.read())
        if facts["fresh"] and facts["faces"]:
            return facts
        time.sleep(0.05)
    raise AssertionError("no fresh picture of a face came")


def test_a_video_that_is_served_goes_on_and_is_written_once(video: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asmnet_edge", "predict", str(video), "--serve", "0",
               "--json", "--output", str(tmp_path)]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr and process.stdout
        begun, url = time.monotonic(), process.stderr.readline().partition("watch at ")[2].strip()
        assert "written" in next(line for line in process.stderr if "written" in line)
        assert time.monotonic() - begun > 0.8  # its own second
        frames = [faces_at(url)["frame"]]
        while frames == sorted(frames):  # until it has begun again
            frames.append(faces_at(url)["frame"])
        process.send_signal(signal.SIGINT)
        printed = process.stdout.read()
    assert process.returncode == 0
    written = (tmp_path / "video-faces.jsonl").read_text()
    assert written == printed
    assert len(written.splitlines()) == FRAMES
    assert len(list(Video(tmp_path / "video-faces.mp4").frames())) == FRAMES


def test_a_video_that_ends_early_is_kept_and_reported(
    asmnet_edge: Run, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Video, "ended_early", property(lambda self: self.read < 240))
    ended = asmnet_edge("predict", video, "--output", tmp_path)
    assert ended.code == 1
    assert f"ended after {FRAMES} of about {FRAMES} frames" in ended.complaint
    assert len(list(Video(tmp_path / "video-faces.mp4").frames())) == FRAMES
    # a video that was limited by --frames is complete
    ended = asmnet_edge("predict", video, "--frames", 3, "--output", tmp_path, "--overwrite")
    assert ended.code == 0


def test_frames_of_another_size_are_reported_and_drawn(
    asmnet_edge: Run, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = cv2.VideoCapture

    class Growing:
        """A video whose last frames are larger."""

        count = 0

        def __init__(self, name: str) -> None:
            self._file = opened(name)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def read(self) -> tuple[bool, Any]:
            self.count += 1
            there, picture = self._file.read()
            return there, cv2.resize(picture, (400, 300)) if there and self.count > 20 else picture

    with monkeypatch.context() as patch:
        patch.setattr(cv2, "VideoCapture", Growing)
        ended = asmnet_edge("predict", video, "--output", tmp_path)
    assert ended.code == 0
    assert "4 frames have another size" in ended.err
    assert len(list(Video(tmp_path / "video-faces.mp4").frames())) == FRAMES


def predict_with(patch: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run ``predict`` in a process of its own, after ``patch``: signals are for a whole process."""
    program = f"""
import signal, sys
{patch}
from asmnet_edge.cli.main import main
sys.argv = ["asmnet-edge", "predict", *sys.argv[1:]]
main()
"""
    command = our_python("-c", program, *map(str, words))
    return subprocess.run(command, capture_output=True, text=True, check=False)


INTERRUPTED_VIDEO = """
from asmnet_edge.runtime.sources import Video
whole = Video.frames

def frames(self, stop):
    for frame in whole(self, stop):
        if frame.number == 5:
            signal.raise_signal(signal.SIGINT)
        yield frame

Video.frames = frames
"""


def test_an_interrupted_video_is_kept(video: Path, tmp_path: Path) -> None:
    ended = predict_with(INTERRUPTED_VIDEO, video, "--output", tmp_path)
    assert ended.returncode == 130
    assert "stopped early: written" in ended.stderr
    assert len(list(Video(tmp_path / "video-faces.mp4").frames())) == 5


def test_pictures_of_one_name_keep_their_suffix(asmnet_edge: Run, tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png"):
        write_image(tmp_path / "photos" / name, draw_face(1).picture)
    ended = asmnet_edge("predict", tmp_path / "photos", "--output", tmp_path / "out",
                        "--no-drawing")  # fmt: skip
    assert ended.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.jpg-faces.json",
        "a.png-faces.json",
        "b-faces.json",
    ]


def test_a_model_without_a_manifest_is_probed_once_for_all_jobs(
    asmnet_edge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2, 3):
        write_image(tmp_path / "photos" / f"{seed}.png", draw_face(seed).picture)
    bare = shutil.copy(shipped(SHIPPED_INT8), tmp_path / "bare.tflite")
    run_probe, probes = sandbox.run_probe, []
    monkeypatch.setattr(
        sandbox, "run_probe", lambda *words: (probes.append(1), run_probe(*words))[1]
    )
    words = ("--jobs", 3, "--trust", "--model", bare, "--output", tmp_path / "out")
    ended = asmnet_edge("predict", tmp_path / "photos", *words, "--no-drawing")
    assert ended.code == 0
    assert len(probes) == ended.err.count("has no manifest") == 1


def test_the_table_of_a_camera_continues_with_the_time_of_day(
    asmnet_edge: Run, video: Path, tmp_path: Path
) -> None:
    table = tmp_path / "faces.jsonl"
    for _ in range(2):
        ended = asmnet_edge("predict", f"replay:{video}", "--frames", 2, "--records", table)
        assert ended.code == 0
    lines = [json.loads(line) for line in table.read_text().splitlines()]
    assert [line["frame"] for line in lines] == [1, 2, 1, 2]
    times = [datetime.fromisoformat(line["time"]) for line in lines]
    assert times == sorted(times)
    assert abs((datetime.now(UTC) - times[-1]).total_seconds()) < 60


def test_a_closed_standard_output_is_no_error_of_the_table(video: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asmnet_edge", "predict", str(video), "--json",
               "--output", str(tmp_path), "--records", str(tmp_path / "faces.csv")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        complaint = process.stderr.read().decode()
    assert "faces.csv" not in complaint
    assert "cannot write" not in complaint
    assert "Traceback" not in complaint


def test_a_camera_that_gives_nothing_ends_with_1(
    asmnet_edge: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_pipeline, "FIRST_FRAME_SECONDS", 0.3)
    ended = asmnet_edge("predict", "/dev/video-none")
    assert ended.code == 1
    assert "delivered no picture in " in ended.complaint
    assert "/dev/video-none does not exist" in ended.complaint


STOPPED_CAMERA = """
from asmnet_edge.runtime.cameras.camera import Camera

def frames(self, stop):
    signal.raise_signal(signal.SIGTERM)
    assert stop()
    yield None

Camera.frames = frames
"""


@pytest.mark.parametrize(("words", "code"), [((), 1), (("--wait",), 0)])
def test_stopping_before_the_first_picture_is_reported(words: tuple[str, ...], code: int) -> None:
    ended = predict_with(STOPPED_CAMERA, "0", *words)
    assert ended.returncode == code
    assert "no picture came" in ended.stderr
    assert ("before the camera delivered a picture" in ended.stderr) == bool(code)


def test_throttling_that_comes_and_goes_is_reported_once_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = iter([["throttled"], []] * 1000)
    monkeypatch.setattr("asmnet_edge.runtime.monitoring.throttling", lambda: next(state))
    lines: list[str] = []
    monitor, start = ThrottlingMonitor(lines.append), time.monotonic()
    for second in range(0, 7200, 5):
        monitor.check(start + second)
    assert " ".join(lines).count("slowed down") == 1
