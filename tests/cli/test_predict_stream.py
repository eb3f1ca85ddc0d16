"""``asmnet-edge predict`` on folders, videos and cameras."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from asmnet_edge.data.synthetic import draw_face
from asmnet_edge.pictures import write_picture
from asmnet_edge.runtime.sources import Video

Run = Callable[..., Any]
FRAMES = 24


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face that walks to the right, 24 frames of 320 x 256."""
    path = tmp_path_factory.mktemp("films") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 24, (320, 256))
    for number in range(FRAMES):
        picture = np.full((256, 320, 3), 110, np.uint8)
        picture[:, 2 * number : 2 * number + 256] = draw_face(1).picture
        writer.write(picture)
    writer.release()
    return path


def test_a_folder_is_predicted_in_parallel_and_in_order(asmnet_edge: Run, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        write_picture(tmp_path / "photos" / f"{seed}.png", draw_face(seed).picture)
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


def test_in_parallel_it_finds_what_it_finds_alone(asmnet_edge: Run, tmp_path: Path) -> None:
    for seed in range(6):
        write_picture(tmp_path / "photos" / f"{seed}.png", draw_face(seed).picture)
    found = []
    for jobs in (1, 4):
        words = ("--jobs", jobs, "--output", tmp_path / str(jobs), "--json", "--no-drawing")
        lines = asmnet_edge("predict", tmp_path / "photos", *words).out.splitlines()
        found.append([json.loads(line)["faces"] for line in lines])
    assert found[0] == found[1]


def test_a_video_becomes_a_drawn_one_and_a_line_a_frame(
    asmnet_edge: Run, film: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("predict", film, "--output", tmp_path)
    assert ended.code == 0
    lines = [json.loads(x) for x in (tmp_path / "film-faces.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, FRAMES + 1))
    assert all([face["track"] for face in line["faces"]] == [1] for line in lines)
    first, last = (np.mean(lines[i]["faces"][0]["landmarks"], axis=0) for i in (0, -1))
    assert last[0] - first[0] == pytest.approx(2 * (FRAMES - 1), abs=6)
    drawn = Video(tmp_path / "film-faces.mp4")
    assert drawn.size == (320, 256)
    assert len(list(drawn.frames())) == FRAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "film-faces.jsonl",
        "film-faces.mp4",
    ]


def test_a_video_is_not_overwritten(asmnet_edge: Run, film: Path, tmp_path: Path) -> None:
    (tmp_path / "film-faces.mp4").write_text("the old one")
    ended = asmnet_edge("predict", film, "--output", tmp_path)
    assert ended.code == 2
    assert "already there" in ended.complaint
    assert (tmp_path / "film-faces.mp4").read_text() == "the old one"


def test_what_is_no_video_is_told(asmnet_edge: Run, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_text("Dear Sir or Madam")
    assert "film.mp4 is not a video" in asmnet_edge("predict", path).complaint


def test_a_camera_is_printed_for_as_long_as_asked(asmnet_edge: Run, film: Path) -> None:
    ended = asmnet_edge("predict", f"replay:{film}", "--frames", 5, "--json")
    assert ended.code == 0
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["frame"] for line in lines] == [1, 2, 3, 4, 5]
    assert "5 pictures, " in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("0", "1"), "one video or camera at a time"),
        (("0", "--size", "large"), "looks like 640x480"),
        (("0", "--serve", "0", "--address", "0.0.0.0"), "--token"),
        (("0", "--detector", "yunet"), "--yunet FILE.onnx"),
        (("0", "--records", "faces.xlsx"), "Known: .csv, .jsonl"),
    ],
    ids=str,
)
def test_wrong_wishes_are_told_before_the_camera_is_opened(
    asmnet_edge: Run, words: tuple[str, ...], told: str
) -> None:
    ended = asmnet_edge("predict", *words)
    assert ended.code == 2
    assert told in ended.complaint


@pytest.fixture
def serving(film: Path) -> Any:
    """The command, serving the film as a camera; and its page's address."""
    command = [sys.executable, "-m", "asmnet_edge", "predict", f"replay:{film}", "--serve", "0"]
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
    end = time.monotonic() + 20
    told: dict[str, Any] = {}
    while not told.get("faces") and time.monotonic() < end:
        with urllib.request.urlopen(url + "faces.json", timeout=5) as answer:
            told = json.loads(answer.read())
        time.sleep(0.05)
    assert told["fresh"]
    assert told["faces"][0]["track"] == 1
    process.send_signal(by)
    assert process.wait(5) == 0
    assert "Traceback" not in process.stderr.read()
