"""The cameras of this machine: which there are, and which one to take.

    python -m asmnet_edge.runtime.cameras.attached      # the word for ``predict``

Every Raspberry Pi has a dozen /dev/video* that are none: its codecs, its image processor, and the
raw end of the ribbon's receiver, which only libcamera can use.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.runtime.doctor.tryout import failure

# how names in /sys/class/video4linux/*/name begin: drivers of Pi 3 and 4 (bcm2835-*, rpivid,
# unicam) and Pi 5 (pispbe, rpi-hevc-dec, rp1-cfe)
NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "pispbe", "rpivid", "rpi-hevc", "rp1-cfe", "unicam")
RIBBON = "from asmnet_edge.runtime.cameras.attached import find_ribbon; find_ribbon()"


@dataclass(frozen=True)
class VideoNode:
    """One /dev/video* that pictures come from.

    path : its device file; name : the driver's word for it; lasting : its name in /dev/v4l/by-id,
    the same after each start and in each socket, empty where there is none
    """

    path: Path
    name: str
    lasting: str = ""

    def __str__(self) -> str:
        """The name that lasts is told first: numbers change with what is plugged in when."""
        return f"{self.lasting or self.path} ({self.name or 'no name'})"


def video_nodes(root: Path = Path("/")) -> list[VideoNode]:
    """All cameras of Video4Linux, by number; of those with several nodes the one with pictures."""
    lasting = {
        link.resolve().name: f"/dev/v4l/by-id/{link.name}"
        for link in sorted((root / "dev/v4l/by-id").glob("*"))
    }
    found = sorted((root / "dev").glob("video[0-9]*"), key=lambda path: (len(path.name), path.name))
    described = [(path, root / "sys/class/video4linux" / path.name) for path in found]
    return [
        VideoNode(path, _word(facts / "name"), lasting.get(path.name, ""))
        for path, facts in described
        if not _word(facts / "name").startswith(NO_CAMERAS) and _word(facts / "index") in ("", "0")
    ]


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def other_cameras(root: Path = Path("/")) -> str:
    """In one line: what ``predict`` could take for a camera on this machine."""
    found = ", ".join(map(str, video_nodes(root))) or "no /dev/video* is one"
    return (
        f"Cameras here: {found}. Others: picamera2 (on the ribbon), rtsp://NAME:WORD@ADDRESS/..., "
        "replay:FILM. --wait waits without an end"
    )


def ribbon_fault() -> str:
    """Why Picamera2 shows no camera on the ribbon here; empty if it does."""
    return failure(RIBBON)


def find_ribbon() -> None:
    """Ends well if Picamera2 is here and finds a camera on the ribbon; run it in a process apart.

    USB cameras, which libcamera lists too, do not count: Video4Linux serves them better.
    """
    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        sys.exit(f"not in this environment: {error}")
    if not [one for one in Picamera2.global_camera_info() if "/usb" not in str(one.get("Id"))]:
        sys.exit("it finds no camera on the ribbon")


def best_camera() -> str:
    """The word by which ``predict`` takes the camera of this machine, the ribbon's first."""
    if not ribbon_fault():
        return "picamera2"
    for node in video_nodes():
        return node.lasting or str(node.path)
    raise DataError("no camera is attached", "Plug one in, or name one such as rtsp://...")


if __name__ == "__main__":
    try:
        print(best_camera())
    except AsmnetEdgeError as error:
        sys.exit(f"Error: {error}")
