"""What one call of ``asmnet-edge predict`` asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from asmnet_edge.errors import UsageError


@dataclass(frozen=True)
class Wish:
    """The options of one call, as the command line gave them."""

    sources: tuple[str, ...]
    model: Path | None
    trust: bool
    output: Path
    records: Path | None
    drawing: bool
    detector: str
    yunet: Path | None
    threads: int | None
    jobs: int
    faces: int
    smooth: bool
    size: str
    fps: int
    frames: int | None
    wait: bool
    serve: int | None
    address: str
    token: str
    overwrite: bool
    as_json: bool

    def open_landmarkers(self, count: int, quick: bool = False) -> list[Any]:
        """So many of the landmarker asked for; ``quick`` detection is what video can do with.

        The model is read, checked and, where nobody vouches for it, tried once for all of them.
        """
        from asmnet_edge.cli.plain import note, silenced
        from asmnet_edge.runtime.backends.backend import check_artifact
        from asmnet_edge.runtime.landmarker import FaceLandmarker
        from asmnet_edge.shipped import SHIPPED_INT8, shipped

        detector = self._detectors(quick)
        with silenced():
            checked = check_artifact(self.model or shipped(SHIPPED_INT8), self.trust)
            threads = self._threads(count)
            opened = [FaceLandmarker(checked.open(threads), detector()) for _ in range(count)]
        if not checked.manifest.source_sha256:
            note(f"{self.model} has no manifest: crops are cut as ours are, points named by count")
        return opened

    def _threads(self, count: int) -> int:
        """Of each network: all of them together shall not have more than there are cores."""
        from asmnet_edge.cpu import usable_cores
        from asmnet_edge.runtime.backends.threads import sensible_threads

        return self.threads or min(sensible_threads(), max(1, usable_cores() // count))

    def _detectors(self, quick: bool) -> Callable[[], Any]:
        """A function that makes a detector, one for each thread."""
        from asmnet_edge.runtime.detect import DETECTION_SIDE, DETECTORS, detect_haar_quickly

        if self.detector == "yunet":
            if self.yunet is None:
                raise UsageError("--detector yunet needs its model", "Give --yunet FILE.onnx")
            from asmnet_edge.runtime.yunet import read_yunet, yunet

            side = DETECTION_SIDE // 2 if quick else DETECTION_SIDE
            return partial(yunet, self.yunet, side, read_yunet(self.yunet))
        if quick and self.detector == "haar":
            return lambda: detect_haar_quickly
        return lambda: DETECTORS[self.detector]
