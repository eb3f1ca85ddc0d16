"""Registries of the geometry: landmark schemes and accuracy metrics.

To add a landmark scheme, write a module with a `LandmarkScheme` and add a line to `SCHEMES`. To add
a metric, write a function of a `metrics.Comparison` and add a line to `METRICS`.
"""

from __future__ import annotations

from asmnet_edge.io.registry import Entry, Registry

_SCHEMES, _METRICS = "asmnet_edge.geometry.schemes", "asmnet_edge.geometry.metrics"

SCHEMES = Registry(
    "landmark scheme",
    Entry("ibug68", _SCHEMES, "IBUG68", "68 points of 300W and most other data sets"),
    Entry("wflw98", _SCHEMES, "WFLW98", "98 points of WFLW"),
)

# the order is that of the figures in records
METRICS = Registry(
    "metric",
    Entry("nme", _METRICS, "mean_nme", "mean error over the distance of the eye corners, %"),
    Entry("nme_interval", _METRICS, "nme_interval", "95 % bootstrap interval of the NME, %"),
    Entry("nme_by_region", _METRICS, "nme_by_region", "NME of each facial region, %"),
    Entry("failure_rate", _METRICS, "share_of_failures", "share of faces above the threshold"),
    Entry("auc", _METRICS, "area_under_curve", "area under the cumulative error curve, 0 to 1"),
    Entry("pose_mae", _METRICS, "pose_mae", "mean absolute error of yaw, pitch, roll, degrees"),
)
