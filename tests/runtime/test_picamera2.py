"""Picamera2, faked: which part of the sensor is used, and how its pictures are read."""

import sys
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from asmnet_edge.errors import DataError
from asmnet_edge.runtime.cameras.picamera2_capture import open_picamera2, whole_view

# Camera Module 2, as https://github.com/raspberrypi/picamera2/issues/683 lists it
IMX219 = [
    {"size": (640, 480), "fps": 103.33, "crop_limits": (1000, 752, 1280, 960)},
    {"size": (1640, 1232), "fps": 41.85, "crop_limits": (0, 0, 3280, 2464)},
    {"size": (1920, 1080), "fps": 47.57, "crop_limits": (680, 692, 1920, 1080)},
    {"size": (3280, 2464), "fps": 21.19, "crop_limits": (0, 0, 3280, 2464)},
]


@pytest.mark.parametrize(
    ("size", "rate", "chosen"),
    [
        ((640, 480), 30, (1640, 1232)),
        ((1920, 1080), 20, (3280, 2464)),
        ((1920, 1080), 30, None),
        ((640, 480), 100, None),
    ],
)
def test_the_whole_field_of_view_is_used_where_possible(
    size: tuple[int, int], rate: int, chosen: tuple[int, int] | None
) -> None:
    assert whole_view(IMX219, size, rate) == chosen


def test_without_sensor_modes_none_is_chosen() -> None:
    assert whole_view([], (640, 480), 30) is None
    assert whole_view([{"format": "MJPEG"}], (640, 480), 30) is None  # on USB


class Played:
    """A Picamera2 whose rows are padded, as on a Pi 5; tells of its configuration and requests."""

    modes: Any = IMX219
    global_camera_info = staticmethod(lambda: [{"Id": "/base/i2c@1/imx219@10"}])

    def __init__(self, number: int) -> None:
        self.configuration: dict[str, Any] = {}
        self.released = 0

    @property
    def sensor_modes(self) -> Any:
        if self.modes is None:
            raise RuntimeError("Camera configuration has been adjusted!")
        return self.modes

    def create_video_configuration(self, **words: Any) -> dict[str, Any]:
        return words

    def configure(self, configuration: dict[str, Any]) -> None:
        Played.last, self.configuration = self, configuration

    def start(self) -> None: ...

    def capture_request(self) -> Any:
        padded = np.full((48, 96, 3), 7, np.uint8)
        stamp = 1e9 * (time.monotonic() - 0.05)
        return SimpleNamespace(
            make_array=lambda stream: padded[:, :64],
            get_metadata=lambda: {"SensorTimestamp": stamp},
            release=lambda: setattr(self, "released", self.released + 1),
        )

    last: "Played"


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> type[Played]:
    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace(Picamera2=Played))
    return Played


def test_its_pictures_are_whole_and_as_old_as_they_are(played: type[Played]) -> None:
    grab = open_picamera2("picamera2", (0, 0, 15))
    shots = [grab(), grab()]
    assert played.last.configuration == {
        "main": {"size": (640, 480), "format": "RGB888"},
        "controls": {"FrameRate": 15},
        "raw": {"size": (1640, 1232)},
    }
    assert played.last.released == 2  # else it would run out of buffers
    for shot in shots:
        assert shot
        assert shot.picture.shape == (48, 64, 3)
        assert shot.picture.flags.c_contiguous
        assert time.monotonic() - shot.seconds > 0.04


def test_sensor_modes_that_cannot_be_read_are_not_needed(
    played: type[Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(played, "modes", None)
    assert open_picamera2("picamera2", (0, 0, 0))()
    assert "raw" not in played.last.configuration


def test_a_camera_that_is_not_on_the_ribbon_is_reported(played: type[Played]) -> None:
    with pytest.raises(DataError, match="no camera 1: libcamera knows 1"):
        open_picamera2("picamera2:1", (0, 0, 0))
