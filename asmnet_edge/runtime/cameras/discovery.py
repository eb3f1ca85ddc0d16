"""Discovery of the cameras that are attached to this machine.

    python -m asmnet_edge.runtime.cameras.discovery      # prints the source for ``predict``

Every Raspberry Pi has a dozen /dev/video* that are no cameras: its codecs, its image processor, and
the raw end of the ribbon's receiver, which only libcamera can use.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.io.system import failure

# how names in /sys/class/video4linux/*/name begin: drivers of Pi 3 and 4 (bcm2835-*, rpivid,
# unicam) and Pi 5 (pispbe, rpi-hevc-dec, rp1-cfe)
NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "pispbe", "rpivid", "rpi-hevc", "rp1-cfe", "unicam")
RIBBON = "from asmnet_edge.runtime.cameras.discovery import find_ribbon; find_ribbon()"


@dataclass(frozen=True)
class VideoNode:
    """One /dev/video* that gives images.

    path : its device file; name : as its driver reports it
    stable : its path in /dev/v4l/by-id, the same after each start and in each socket, or empty
    """

    path: Path
    name: str
    stable: str = ""

    def __str__(self) -> str:
        """Path and name; numbers of devices change with the order in which they are plugged in."""
        return f"{self.stable or self.path} ({self.name or 'no name'})"


def video_nodes(root: Path = Path("/")) -> list[VideoNode]:
    """Return all cameras of Video4Linux by number; of several nodes the one that gives images."""
    stable = {
        link.resolve().name: f"/dev/v4l/by-id/{link.name}"
        for link in sorted((root / "dev/v4l/by-id").glob("*"))
    }
    found = sorted((root / "dev").glob("video[0-9]*"), key=lambda path: (len(path.name), path.name))
    described = [(path, root / "sys/class/video4linux" / path.name) for path in found]
    return [
        VideoNode(path, _read(facts / "name"), stable.get(path.name, ""))
        for path, facts in described
        if not _read(facts / "name").startswith(NO_CAMERAS) and _read(facts / "index") in ("", "0")
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def other_cameras(root: Path = Path("/")) -> str:
    """Return in one line the sources that ``predict`` could use on this machine."""
    found = ", ".join(map(str, video_nodes(root))) or "no /dev/video* is one"
    return (
        f"Cameras here: {found}. Others: picamera2 (on the ribbon), rtsp://NAME:WORD@ADDRESS/..., "
        "replay:VIDEO. --wait waits without limit"
    )


def ribbon_fault() -> str:
    """Return why Picamera2 finds no camera on the ribbon; empty if it does."""
    return failure(RIBBON)


def find_ribbon() -> None:
    """Exit with a message unless Picamera2 finds a camera on the ribbon; run it in a child process.

    USB cameras, which libcamera lists too, do not count: Video4Linux serves them better.
    """
    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        sys.exit(f"not in this environment: {error}")
    if not [one for one in Picamera2.global_camera_info() if "/usb" not in str(one.get("Id"))]:
        sys.exit("it finds no camera on the ribbon")


def best_camera() -> str:
    """Return the source by which ``predict`` opens this machine's camera, the ribbon's first."""
    if not ribbon_fault():
        return "picamera2"
    for node in video_nodes():
        return node.stable or str(node.path)
    raise DataError("no camera is attached", "Plug one in, or name one such as rtsp://...")


if __name__ == "__main__":
    try:
        print(best_camera())
    except AsmnetEdgeError as error:
        sys.exit(f"Error: {error}")
