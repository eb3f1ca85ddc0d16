"""Published results of others for comparison: NME in % of the inter-ocular distance."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SOURCE = (
    "Fard, Abdollahi, Mahoor, ASMNet: a Lightweight Deep Neural Network for Face Alignment and "
    "Pose Estimation, CVPRW 2021"
)
ADDRESS = "https://arxiv.org/abs/2103.00119"

# data set -> rows: whose model, and its NME by subset
NME: Mapping[str, tuple[tuple[str, Mapping[str, float]], ...]] = MappingProxyType(
    {
        "300w": (
            ("ASMNet", {"common": 5.86, "challenging": 8.80, "full": 6.46}),
            ("ASMNet with ASM loss", {"common": 4.82, "challenging": 8.20, "full": 5.50}),
            ("MobileNetV2", {"common": 3.93, "challenging": 7.52, "full": 4.70}),
            ("MobileNetV2 with ASM loss", {"common": 3.88, "challenging": 7.35, "full": 4.59}),
        ),
    }
)


def published(dataset: str) -> dict[str, Any] | None:
    """Return published results on ``dataset``; None if there are none here."""
    if dataset not in NME:
        return None
    rows = [{"name": name, "nme": dict(figures)} for name, figures in NME[dataset]]
    return {"source": SOURCE, "address": ADDRESS, "rows": rows}
