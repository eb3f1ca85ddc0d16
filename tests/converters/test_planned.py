"""One plan in all formats: the same layers in float, and not one more."""

from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.converters.accuracy.mixed_precision import convert_by_plan
from asmnet_edge.converters.accuracy.scores import Goal
from asmnet_edge.converters.artifact import convert_artifact
from asmnet_edge.converters.batch import Batch
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.inspection.audit import audit
from asmnet_edge.converters.jobs import ConversionJob
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.io.manifest import Precision, read_manifest

BLOCK = ("block_9_expand", "block_9_depthwise", "block_9_project", "block_9_add")


@pytest.mark.parametrize(("name", "count"), [("tflite", 65), ("onnx", 65), ("openvino", 64)])
def test_what_is_kept_stays_in_float_and_nothing_else(
    graph: InferenceGraph, calibration: CalibrationSet, tmp_path: Path, name: str, count: int
) -> None:
    job = ConversionJob(name, Precision.INT8, BLOCK)
    path, manifest = convert_artifact(job, graph, calibration, tmp_path, "planned")
    assert manifest.keep_float == BLOCK
    found = audit(path)
    assert found.counts == {"total": 67, "int8": count - 4}
    assert len(found.islands["kept in float by plan"]) == 4
    assert found.runs_in_int8 == count - 4


def test_a_plan_is_carried_out_and_verified(
    graph: InferenceGraph,
    calibration: CalibrationSet,
    crops: np.ndarray,
    tmp_path: Path,
) -> None:
    scheme, lines = graph.model.scheme, []
    faces = AnnotatedCrops(crops[:5], scheme), AnnotatedCrops(crops[5:], scheme)
    batch = Batch(Path("tiny.keras"), calibration, tmp_path, "planned")
    result = convert_by_plan(
        [ConversionJob("tflite", Precision.INT8)],
        batch,
        graph,
        faces,
        Goal(max_deviation=50.0),
        lines.append,
    )
    assert [one.path.name for one in result.results] == ["planned-int8.tflite"]
    assert result.verified.keys() == result.outcome.scores.keys() == {"planned-int8.tflite"}
    repair = read_manifest(result.results[0].path).repair
    assert repair["deviations"].keys() == {"none", "equalisation", "bias correction", "both"}
    kept = read_manifest(result.results[0].path).keep_float
    assert kept == result.outcome.plan.keep_float == ()
    assert lines[-1] == "converting, in float: nothing beside the heads"
