"""Statistics of a data set: a few faces whose figures can be worked out by hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.datasets.csv_table import LandmarkTable, write_drawn
from asmnet_edge.datasets.figures import OUTPUTS, TILE_RULE, sheet, tile, write_figures
from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.datasets.statistics import MeasuredFaces, Spread, measure, repeated
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.errors import DataError, NotAFaceError, OutputExistsError, PictureError
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.images import read_image


class Given:
    """A data set of given samples."""

    name, licence, scheme, subsets = "given", "none", IBUG68, ("train",)

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        return self._samples

    def missing(self, subset: str) -> Sequence[Missing]:
        return (Missing("elsewhere", 3),)


def grey(height: int, width: int) -> Callable[[], np.ndarray]:
    return lambda: np.full((height, width, 3), 128, np.uint8)


def unreadable() -> np.ndarray:
    raise PictureError("the picture is torn")


def test_a_spread_has_the_percentiles_of_0_to_100() -> None:
    spread = Spread.of(np.arange(101))
    assert (spread.mean, spread.p5, spread.median, spread.p95) == (50, 5, 50, 95)
    assert spread.sd == pytest.approx(np.sqrt((101**2 - 1) / 12))  # of equally spaced numbers


def test_sizes_are_those_of_picture_box_and_eyes(face_points: Callable) -> None:
    points = face_points(unit=60)  # outer eye corners one unit apart
    sample = Sample("a", "a", grey(240, 320), Landmarks(points, IBUG68))
    stats = measure(Given([sample]), "train").as_json()
    assert stats["picture_px"]["width"]["median"] == 320
    assert stats["picture_px"]["height"]["median"] == 240
    assert stats["inter_ocular_px"]["median"] == pytest.approx(60, rel=0.02)
    assert stats["box_px"]["median"] == pytest.approx(np.ptp(points, axis=0).max())
    assert stats["missing"] == [{"part": "elsewhere", "faces": 3}]


def test_faces_are_counted_and_so_are_people(face_samples: Callable) -> None:
    stats = measure(Given(face_samples(6)), "train").as_json()
    assert (stats["faces"], stats["identities"]) == (6, 3)


@pytest.mark.parametrize(
    ("x", "outside"), [(-0.6, True), (-0.5, False), (99.4, False), (99.5, True), (50, False)]
)
def test_a_point_is_outside_beyond_half_a_pixel_from_the_last_centre(
    x: float, outside: bool
) -> None:
    points = np.linspace(10, 40, 136).reshape(68, 2)
    points[7, 0] = x
    sample = Sample("a", "a", grey(100, 100), Landmarks(points, IBUG68))
    assert measure(Given([sample]), "train").outside == (1 / 68 if outside else 0)


def test_the_pose_of_landmarks_is_fitted(face_points: Callable) -> None:
    landmarks = Landmarks(face_points((20, -10, 5)), IBUG68)
    stats = measure(Given([Sample("a", "a", grey(9, 9), landmarks)]), "train").as_json()
    poses = [stats["pose"][axis]["mean"] for axis in ("yaw", "pitch", "roll")]
    np.testing.assert_allclose(poses, [20, -10, 5], atol=0.1)
    assert stats["pose_exact"] == 0
    assert stats["pose_label_mae"] is None


def test_labels_are_measured_against_the_pose_that_is_exact(face_points: Callable) -> None:
    landmarks = Landmarks(face_points((20, -10, 5)), IBUG68)
    wrong = Sample("a", "a", grey(9, 9), landmarks, np.array([23.0, -10, 4]))
    unknown = Sample("b", "b", grey(9, 9), landmarks)
    faces = measure(Given([wrong, unknown]), "train")
    np.testing.assert_allclose(faces.pose, [[23, -10, 4], [20, -10, 5]], atol=0.1)
    stats = faces.as_json()
    assert stats["pose_exact"] == 1
    assert stats["pose_label_mae"]["yaw"] == pytest.approx(3, abs=0.1)
    assert stats["pose_label_mae"]["pitch"] == pytest.approx(0, abs=0.1)
    assert stats["pose_label_mae"]["roll"] == pytest.approx(1, abs=0.1)


def test_a_broken_face_is_reported_or_refused(face_samples: Callable) -> None:
    good, bad = face_samples(2)
    errors: list[DataError] = []
    faces = measure(Given([good, replace(bad, load=unreadable)]), "train", on_broken=errors.append)
    assert [str(error) for error in errors] == ["the picture is torn"]
    assert [sample.name for sample in faces.samples] == ["face0"]
    assert faces.points.shape == (1, 68, 2)
    with pytest.raises(PictureError):
        measure(Given([good, replace(bad, load=unreadable)]), "train")


def test_nothing_readable_is_an_error(face_samples: Callable) -> None:
    broken = [replace(sample, load=unreadable) for sample in face_samples(2)]
    with pytest.raises(DataError, match="given train has no face that can be read"):
        measure(Given(broken), "train", on_broken=lambda error: None)


class Overlapping(Given):
    """The first two faces are ``common``, and ``full`` adds what ``hard`` holds, if anything."""

    subsets = ("common", "hard", "full")

    def __init__(self, samples: Sequence[Sample], wrong: DataError | None = None) -> None:
        super().__init__(samples)
        self._wrong = wrong

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        if subset != "common" and self._wrong:
            on_broken(self._wrong)
        hard = self._samples[2:]
        return {"common": self._samples[:2], "hard": hard, "full": self._samples}[subset]


def test_a_subset_that_adds_no_face_is_a_repeat(face_samples: Callable) -> None:
    both = ("common", "full")
    assert repeated(Overlapping(face_samples(2)), both) == {"full": "common"}
    assert repeated(Overlapping(face_samples(3)), both) == {}
    assert repeated(Overlapping(face_samples(2)), ("common", "hard")) == {}


def test_a_broken_face_is_no_repeat_and_an_empty_folder_is_reported(face_samples: Callable) -> None:
    broken, empty = DataError("ibug/1.pts is torn"), NotAFaceError("ibug holds no .pts file")
    errors: list[DataError] = []
    assert repeated(Overlapping(face_samples(2), broken), ("common", "full"), errors.append) == {}
    assert errors == []  # they are reported where the subset is measured
    dataset = Overlapping(face_samples(2), empty)
    assert repeated(dataset, ("common", "full"), errors.append) == {"full": "common"}
    assert errors == [empty]


# figures


def test_landmarks_are_drawn_where_they_are(face_points: Callable) -> None:
    points = face_points(unit=50, centre=(150, 150))
    drawn = tile(Sample("a", "a", grey(300, 300), Landmarks(points, IBUG68)))
    assert drawn.shape == (TILE_RULE.size, TILE_RULE.size, 3)
    changed = (drawn != 128).any(axis=2)
    rows, columns = np.nonzero(changed)
    # the box around the points fills the tile but for the margin; a point is about 5 pixels wide
    face = TILE_RULE.size / TILE_RULE.margin + 5
    assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(face, abs=2)
    assert 0.02 < changed.mean() < 0.3


@pytest.fixture
def measured(face_samples: Callable) -> MeasuredFaces:
    return measure(Given(face_samples(10)), "train")


def test_each_subset_begins_a_row(measured: MeasuredFaces) -> None:
    alone, both = sheet([measured]), sheet([measured, measured])
    assert both.shape[1] == alone.shape[1]
    step = (both.shape[0] - 4) // 4  # two rows each
    np.testing.assert_array_equal(both[: 2 * step], both[2 * step : 4 * step])


def test_a_sheet_of_one_face_is_one_tile(face_samples: Callable) -> None:
    picture = sheet([measure(Given(face_samples(1)), "train")])
    assert picture.shape[1] == TILE_RULE.size + 2 * 4


def test_the_figures_are_written_and_the_same_each_time(
    tmp_path: Path, measured: MeasuredFaces
) -> None:
    for folder in ("one", "two"):
        write_figures(tmp_path / folder, [measured])
    for name in OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert read_image(tmp_path / "one" / "pose.png").std() > 0


# drawn faces as files


def test_drawn_faces_come_back_from_their_folder(tmp_path: Path) -> None:
    drawn = DrawnFaces(3, seed=5, size=64)
    table = LandmarkTable(write_drawn(drawn, tmp_path / "drawn"))
    read, expected = table.samples("train"), drawn.samples("train")
    assert len({sample.identity for sample in read}) == 3
    lines = (tmp_path / "drawn" / "pose.csv").read_text().splitlines()
    assert lines[0] == "image,yaw,pitch,roll"
    for one, other, line in zip(read, expected, lines[1:], strict=True):
        np.testing.assert_array_equal(one.landmarks.points, other.landmarks.points)
        np.testing.assert_array_equal(one.load(), other.load())
        assert line.split(",")[0] == one.name
        np.testing.assert_array_equal(np.array(line.split(",")[1:], float), other.pose)
        np.testing.assert_array_equal(one.pose, other.pose)
        assert one.drawn and other.drawn


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()
    (tmp_path / "drawn" / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="is there already"):
        write_drawn(DrawnFaces(1, size=64), tmp_path / "drawn")
    assert [path.name for path in tmp_path.rglob("*")] == ["drawn", "mine.txt"]


def test_drawing_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def progress(samples: Sequence[Sample]) -> Sequence[Sample]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_drawn(DrawnFaces(2, size=64), tmp_path / "drawn", progress)
    assert list(tmp_path.iterdir()) == []


# docs/facts.md: faces are at most 256 pixels, 2,012 of 3,148 are there
def test_the_real_training_set_has_the_published_figures(real_data: Path) -> None:
    stats = measure(W300(real_data / "300w"), "train").as_json()
    assert stats["faces"] == 2012
    assert sum(missing["faces"] for missing in stats["missing"]) == 3148 - 2012
    assert 200 < stats["box_px"]["median"] <= stats["box_px"]["p95"] < 258
    assert stats["points_outside"] < 0.001
    assert abs(stats["pose"]["yaw"]["mean"]) < 3  # about as many look left as right
    assert 10 < stats["pose"]["yaw"]["sd"] < 30
