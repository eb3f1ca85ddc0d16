"""A Raspberry Pi's own cameras, with Picamera2."""

from __future__ import annotations

import numpy as np

from asmnet_edge.errors import DataError, MissingExtraError
from asmnet_edge.runtime.cameras.shot import DeviceClock, Grab, Shot, Wanted


def open_camera(source: str, wanted: Wanted) -> Grab:
    """``picamera2`` or ``picamera2:INDEX``; `DataError` if there is no such camera."""
    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        told = f"Picamera2 cannot be used: {error}"
        raise MissingExtraError(told, "sudo apt install python3-picamera2") from error
    number = int(source.partition(":")[2] or 0)
    if len(known := Picamera2.global_camera_info()) <= number:
        raise DataError(
            f"there is no camera {number}: libcamera knows {len(known)}",
            "Check the ribbon cable, then: rpicam-hello --list-cameras",
        )
    camera = Picamera2(number)
    size = (wanted[0] or 640, wanted[1] or 480)
    # what libcamera calls RGB888 lies in memory as B, G, R
    main = {"size": size, "format": "RGB888"}
    controls = {"FrameRate": wanted[2]} if wanted[2] else {}
    camera.configure(camera.create_video_configuration(main=main, controls=controls))
    camera.start()
    clock = DeviceClock()

    def grab() -> Shot | None:
        request = camera.capture_request()
        try:
            picture = np.ascontiguousarray(request.make_array("main")[..., :3])
            stamp = request.get_metadata().get("SensorTimestamp", 0)
        finally:
            request.release()
        return Shot(picture, clock.taken(1e-9 * stamp))

    return grab
