"""A fake backend, and an artifact around it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.io.manifest import ArtifactManifest, Precision
from asmnet_edge.runtime.artifact import Artifact


@pytest.fixture(scope="session")
def manifest() -> ArtifactManifest:
    """Of a model that takes crops of 64 pixels."""
    return ArtifactManifest(
        format="fake",
        precision=Precision.FLOAT32,
        model={},
        scheme="ibug68",
        crop={"margin": 1.25, "size": 64},
        inputs=(),
        outputs=(),
        parameters=0,
        multiply_adds=0,
        operators={"total": 1, "int8": 0},
        calibration=None,
        source_sha256="",
        provenance={},
        licence="",
        tools={},
    )


class FakeBackend:
    """Answers each crop with what ``answer`` makes of it, and keeps the crops."""

    name = "fake 1.0"

    def __init__(self, answer: Callable[[np.ndarray], np.ndarray]) -> None:
        self.crops: list[np.ndarray] = []
        self._answer = answer

    def run(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.crops.append(crop.copy())  # callers use one buffer again and again
        return self._answer(crop).astype(np.float32), np.array([10, -20, 30], np.float32)


@pytest.fixture
def artifact(manifest: ArtifactManifest) -> Callable[..., Artifact]:
    """An artifact whose backend answers with a function of the crop."""

    def make(answer: Callable[[np.ndarray], np.ndarray]) -> Artifact:
        return Artifact(Path("fake"), manifest, FakeBackend(answer))

    return make
