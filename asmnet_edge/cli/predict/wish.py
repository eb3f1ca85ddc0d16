"""What one call of ``asmnet-edge predict`` asks for."""

from __future__ import annotations

from dataclasses import dataclass
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
    serve: int | None
    address: str
    token: str
    overwrite: bool
    as_json: bool

    def open_landmarker(self, quick: bool = False) -> Any:
        """The landmarker asked for; ``quick`` detection is what video can do with."""
        from asmnet_edge.cli.plain import note, silenced
        from asmnet_edge.runtime.landmarker import FaceLandmarker
        from asmnet_edge.runtime.threads import sensible_threads

        threads = self.threads or sensible_threads()
        detector = self._detector(quick)
        with silenced():
            opened = FaceLandmarker.open(self.model, detector, threads=threads, trust=self.trust)
        if not opened.artifact.manifest.source_sha256:
            note(f"{self.model} has no manifest: crops are cut as ours are, points named by count")
        return opened

    def _detector(self, quick: bool) -> Any:
        from asmnet_edge.runtime.detect import DETECTION_SIDE, DETECTORS, detect_haar_quickly

        if self.detector == "yunet":
            if self.yunet is None:
                raise UsageError("--detector yunet needs its model", "Give --yunet FILE.onnx")
            from asmnet_edge.runtime.yunet import yunet

            return yunet(self.yunet, DETECTION_SIDE // 2 if quick else DETECTION_SIDE)
        if quick and self.detector == "haar":
            return detect_haar_quickly
        return DETECTORS[self.detector]
