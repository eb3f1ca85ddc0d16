"""The recipe of one artifact: what every exporter takes beside the inference graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asmnet_edge.converters.calibration.crops import CalibrationSet
from asmnet_edge.errors import UsageError
from asmnet_edge.formats import CALIBRATED, Precision

if TYPE_CHECKING:  # it brings TensorFlow, which plans and checks do not need
    from asmnet_edge.converters.graph import InferenceGraph


@dataclass(frozen=True)
class Recipe:
    """Precision of an artifact, and the data that its quantisation rests on.

    calibration : faces that activation ranges are measured on; precisions without ranges need none
    keep_float : names of Keras layers of the folded graph, such as ``block_3_depthwise``, whose
    operators stay in float in an int8 artifact
    """

    precision: Precision
    calibration: CalibrationSet | None = None
    keep_float: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.is_calibrated and self.calibration is None:
            raise UsageError(f"{self.precision} needs faces to calibrate on", "Give a data set")
        if self.keep_float and not self.is_calibrated:
            raise UsageError(
                f"{self.precision} has no layers to keep in float: {', '.join(self.keep_float)}",
                "Keep layers in float in an int8 artifact",
            )

    @property
    def is_calibrated(self) -> bool:
        """Whether activations are quantised, to ranges measured on the calibration faces."""
        return self.precision in CALIBRATED

    def check(self, graph: InferenceGraph) -> None:
        """Raise `UsageError` when a layer to keep in float is none of ``graph``'s."""
        known = {layer.name for layer in graph.model.network.layers}
        if unknown := [name for name in self.keep_float if name not in known]:
            raise UsageError(
                f"the network has no layer {', '.join(unknown)} to keep in float",
                "Its computing layers are those that asmnet-edge sensitivity lists",
            )

    @property
    def crops(self) -> CalibrationSet:
        """The calibration faces of a calibrated recipe."""
        assert self.calibration is not None
        return self.calibration
