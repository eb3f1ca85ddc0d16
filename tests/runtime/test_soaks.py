"""Short runs of the soak tests; each script beside this file runs for any length."""

import runpy
from pathlib import Path

import pytest

from asmnet_edge.io.files import SHIPPED_INT8, shipped

HERE = Path(__file__).parent


def test_broken_artifacts_are_refused() -> None:
    soak = runpy.run_path(str(HERE / "soak_artifacts.py"))["soak"]
    found = soak(shipped(SHIPPED_INT8), 100, 4)
    assert found["without trust, refused"] >= 90
    assert sum(found[key] for key in found if key.startswith("with trust")) == 4


def test_broken_pictures_are_read_or_refused() -> None:
    found = runpy.run_path(str(HERE / "soak_pictures.py"))["soak"](100)
    assert sum(found[key] for key in found if key != "seconds") == 100
    assert found[".jpg refused"] > 0


@pytest.mark.filterwarnings("ignore")
def test_replayed_frames_leak_nothing() -> None:
    found = runpy.run_path(str(HERE / "soak_frames.py"))["soak"](400, laps=4)
    # what earlier tests left may be cleared away meanwhile
    assert found["descriptors"][-1] <= found["descriptors"][0]
    assert found["threads"][-1] <= found["threads"][0]
    assert found["rss_mb"][-1] - found["rss_mb"][0] < 8
