"""A Raspberry Pi's cameras on the ribbon, with Picamera2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from asmnet_edge.errors import DataError, MissingExtraError
from asmnet_edge.runtime.cameras.transport import CapturedImage, CaptureMode, DeviceClock, Grab

RATE = 30  # pictures a second, if no other rate is requested
SEEN = 0.95  # share of the largest view that passes for all of it


def open_picamera2(source: str, requested: CaptureMode) -> Grab:
    """Open ``picamera2`` or ``picamera2:INDEX``; `DataError` if there is no such camera."""
    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        message = f"Picamera2 cannot be used: {error}"
        raise MissingExtraError(message, "sudo apt install python3-picamera2") from error
    number = int(source.partition(":")[2] or 0)
    if len(known := Picamera2.global_camera_info()) <= number:
        raise DataError(
            f"there is no camera {number}: libcamera knows {len(known)}",
            "Check the ribbon cable, then: rpicam-hello --list-cameras",
        )
    camera = Picamera2(number)
    size = (requested[0] or 640, requested[1] or 480)
    # RGB888 of libcamera is B, G, R in memory
    main = {"size": size, "format": "RGB888"}
    controls = {"FrameRate": requested[2]} if requested[2] else {}
    sensor = whole_view(_modes(camera), size, requested[2] or RATE)
    raw = {"raw": {"size": sensor}} if sensor else {}
    camera.configure(camera.create_video_configuration(main=main, controls=controls, **raw))
    camera.start()
    clock = DeviceClock()

    def grab() -> CapturedImage | None:
        request = camera.capture_request()
        try:
            picture = np.ascontiguousarray(request.make_array("main")[..., :3])
            stamp = request.get_metadata().get("SensorTimestamp", 0)
        finally:
            request.release()
        return CapturedImage(picture, clock.taken(1e-9 * stamp))

    return grab


def whole_view(
    modes: Sequence[Mapping[str, Any]], size: tuple[int, int], rate: int
) -> tuple[int, int] | None:
    """Return the size of a sensor's smallest mode with its whole field of view; None without any.

    rate : frames per second, size : (width, height), both of which the mode must reach

    Picamera2 itself takes the mode nearest to ``size``. In that of Camera Module 2 for 640x480 the
    middle 1280 of 3280 columns are all that is seen.
    """
    known = [mode for mode in modes if {"size", "fps", "crop_limits"} <= mode.keys()]
    widest = max((prod(mode["crop_limits"][2:]) for mode in known), default=0)
    fit = [
        mode["size"]
        for mode in known
        if prod(mode["crop_limits"][2:]) >= SEEN * widest
        and mode["fps"] >= rate
        and mode["size"][0] >= size[0]
        and mode["size"][1] >= size[1]
    ]
    return min(fit, key=prod, default=None)


def _modes(camera: Any) -> Sequence[Mapping[str, Any]]:
    try:
        modes: Sequence[Mapping[str, Any]] = camera.sensor_modes
    except Exception:  # it tries them all, and drivers raise anything; the list is optional
        return []
    return modes
