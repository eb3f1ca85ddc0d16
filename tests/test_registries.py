"""Registries: a toy landmark scheme, metric and data set, each of one line beside its own code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from asmnet_edge.cli.main import cli
from asmnet_edge.datasets.catalog import DATASETS, dataset_help, open_dataset
from asmnet_edge.datasets.pack import make_pack
from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.metrics import METRICS
from asmnet_edge.geometry.pose import exact_or_fitted, fit_pose
from asmnet_edge.geometry.schemes import SCHEMES, LandmarkScheme, scheme_named, scheme_with
from asmnet_edge.io.images import Picture
from asmnet_edge.io.registry import Entry, Registry

# what a contributor writes: one module with the thing itself

TRIANGLE = LandmarkScheme(
    name="triangle3",
    points=3,
    groups={"eyes": (0, 1), "mouth": (2,)},
    contours=(((0, 1, 2), True),),
    swaps={0: 1},
    eye_corners=(0, 1),
    eyes=((0,), (1,)),
)
POSE = np.array([10.0, -5, 2])


def worst_point(comparison: metrics.Comparison) -> float:
    return float(comparison.point_errors.max())


class Triangles:
    """Data set of one triangle, or as many as its argument says."""

    name, licence, scheme = "triangles", "none", TRIANGLE
    subsets: Sequence[str] = ("train",)
    pose: np.ndarray | None = POSE

    def __init__(self, count: str) -> None:
        self.count = int(count or 1)

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        points = np.array([[20, 20], [40, 20], [30, 45.0]])
        marks = [Landmarks(points + number, TRIANGLE) for number in range(self.count)]
        return [Sample(f"t{n}", f"t{n}", _picture, m, self.pose) for n, m in enumerate(marks)]

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()


class Poseless(Triangles):
    pose = None


def _picture() -> Picture:
    return np.full((64, 64, 3), 90, np.uint8)


# the line in the registry

HERE = __name__


@contextmanager
def line(registry: Registry, entry: Entry) -> Iterator[None]:
    registry.add(entry)
    try:
        yield
    finally:
        registry.remove(entry.name)


@pytest.fixture
def toy_scheme() -> Iterator[None]:
    with line(SCHEMES, Entry("triangle3", HERE, "TRIANGLE", "three points")):
        yield


@pytest.fixture
def toy_dataset(toy_scheme: None) -> Iterator[None]:
    with (
        line(DATASETS, Entry("toy", HERE, "Triangles", "drawn triangles", "COUNT")),
        line(DATASETS, Entry("poseless", HERE, "Poseless", "the same without pose", "COUNT")),
    ):
        yield


# what follows from it


def test_a_scheme_of_one_line_is_found_by_name_and_by_count(toy_scheme: None) -> None:
    assert scheme_named("triangle3") is scheme_with(3) is TRIANGLE


def test_a_csv_table_of_the_new_scheme_is_a_data_set(toy_scheme: None, tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("image,x0,y0,x1,y1,x2,y2\na.png,1,2,5,2,3,6\n")
    table = open_dataset(f"csv:{tmp_path / 'faces.csv'}")
    assert table.scheme is TRIANGLE
    assert table.samples("train")[0].landmarks.points.tolist() == [[1, 2], [5, 2], [3, 6]]


def test_the_command_line_offers_the_new_scheme(toy_scheme: None) -> None:
    with pytest.raises(UsageError, match="ibug68, wflw98, triangle3"):
        scheme_named("square")


def test_a_metric_of_one_line_is_among_the_figures() -> None:
    points = np.array([[[0, 0], [4, 0], [2, 3.0]]])
    moved = points + np.array([[0, 0], [0, 0], [0, 2.0]])
    pose = np.zeros((1, 3))
    comparison = metrics.Comparison(moved, points, pose, pose + 3, TRIANGLE)
    assert "worst_point" not in metrics.figures(comparison)
    with line(METRICS, Entry("worst_point", HERE, "worst_point", "largest error of a point")):
        figures = metrics.figures(comparison)
    assert figures["worst_point"] == 0.5
    assert figures["nme"] == pytest.approx(100 / 6)
    assert figures["nme_by_region"] == {"eyes": 0, "mouth": 50}
    assert figures["failure_rate"] == 1
    assert figures["pose_mae"] == {"yaw": 3, "pitch": 3, "roll": 3}


def test_the_new_metric_is_in_an_evaluation_too() -> None:
    from asmnet_edge.benchmarks.accuracy import truth_figures
    from asmnet_edge.datasets.annotated_crops import Annotations

    points, pose = np.array([[[0, 0], [4, 0], [2, 3.0]]]), np.zeros((1, 3))
    truth = Annotations(points, pose, TRIANGLE)
    with line(METRICS, Entry("worst_point", HERE, "worst_point", "largest error of a point")):
        assert truth_figures((points + 1, pose), truth)["worst_point"] == pytest.approx(2**0.5 / 4)


def test_figures_that_do_not_belong_together_are_refused() -> None:
    points, pose = np.zeros((2, 3, 2)), np.zeros((2, 3))
    with pytest.raises(DataError, match=r"predicted must be \(2, 3, 2\), got \(1, 3, 2\)"):
        metrics.Comparison(points[:1], points, pose, pose, TRIANGLE)


def test_a_data_set_of_one_line_opens_and_packs(toy_dataset: None) -> None:
    dataset = open_dataset("toy:3")
    pack = make_pack(dataset.samples("train"))
    assert len(pack) == 3
    assert pack.pose.tolist() == [POSE.tolist()] * 3
    assert pack.exact.all()


def test_help_and_errors_name_the_new_data_set(toy_dataset: None) -> None:
    assert "toy:COUNT             drawn triangles" in dataset_help()
    with pytest.raises(UsageError, match="synthetic-wide, pts, toy, poseless, as kind:PATH"):
        open_dataset("tyo:3")


def test_the_command_line_takes_the_new_data_set(toy_dataset: None) -> None:
    done = CliRunner().invoke(cli, ["data", "stats", "toy:2"])
    assert done.exit_code == 0, done.output
    assert "triangles train: 2 faces, 2 identities, triangle3" in done.output
    assert "label MAE" not in done.output  # no pose can be fitted to compare with


def test_statistics_of_faces_without_pose_name_the_reason(
    toy_dataset: None, tmp_path: Path
) -> None:
    words = ["data", "stats", "poseless:2", "--output", str(tmp_path)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "pose: not known; triangle3 landmarks have no map to iBUG's 68" in done.output
    assert (tmp_path / "contact-sheet.png").is_file()
    assert json.loads((tmp_path / "stats.json").read_text())[0]["pose"] is None


def test_every_line_of_the_registries_can_be_loaded() -> None:
    for registry in (SCHEMES, METRICS, DATASETS):
        assert all(callable(registry.load(name)) or registry is SCHEMES for name in registry)
    assert all(SCHEMES.load(name).name == name for name in SCHEMES)


def test_two_lines_of_one_name_are_refused() -> None:
    entry = Entry("twice", HERE, "TRIANGLE", "help")
    with pytest.raises(ValueError, match="two entries 'twice' for toy"):
        Registry("toy", entry, entry)


# pose of a scheme whose points the mean face does not have


def test_pose_cannot_be_fitted_without_a_map_to_the_mean_face() -> None:
    with pytest.raises(DataError, match=r"triangle3.*no map.*pose\.csv"):
        fit_pose(np.zeros((1, 3, 2)), TRIANGLE)


def test_pose_need_not_be_fitted_where_all_of_it_is_exact() -> None:
    fit = partial(exact_or_fitted, landmarks=np.zeros((2, 3, 2)), scheme=TRIANGLE)
    assert fit([POSE, -POSE]).tolist() == [POSE.tolist(), (-POSE).tolist()]
    with pytest.raises(DataError, match="triangle3"):
        fit([POSE, None])
