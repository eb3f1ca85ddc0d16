"""Checks: each kind of wrong that is put into a data set is found, and nothing in a right one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.datasets.checks import FAR, SMALLEST, CheckReport, Finding, check
from asmnet_edge.datasets.csv_table import LandmarkTable
from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.datasets.splits import prints, same_faces, thumbnail
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.datasets.wflw import WFLW
from asmnet_edge.errors import DataError
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme
from asmnet_edge.io.images import Picture, decode_image, encode_image


@dataclass
class Shelf:
    """A data set of the samples that a test puts on it."""

    faces: dict[str, list[Sample]]
    name: str = "shelf"
    licence: str = "none"
    scheme: LandmarkScheme = IBUG68
    broken: str = ""

    @property
    def subsets(self) -> Sequence[str]:
        return list(self.faces)

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        if self.broken:
            on_broken(DataError(self.broken))
        return self.faces[subset]

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()


@pytest.fixture(scope="module")
def drawn() -> list[Sample]:
    """Six faces, each drawn once."""

    def kept(sample: Sample) -> Sample:
        picture = sample.load()
        return replace(sample, load=lambda: picture)

    return [kept(sample) for sample in DrawnFaces(6, size=128).samples("train")]


def changed(
    sample: Sample, name: str, change: Callable[[Picture], Picture], scale: float = 1.0
) -> Sample:
    """The same face under another name, its picture changed, its points scaled with it."""
    points = (sample.landmarks.points + 0.5) * scale - 0.5
    load = lambda: change(sample.load())  # noqa: E731
    return replace(sample, name=name, identity=name, load=load, landmarks=Landmarks(points, IBUG68))


def kinds(report: CheckReport) -> list[str]:
    return [finding.kind for finding in report.findings]


def test_different_faces_are_fine_and_are_counted(drawn: list[Sample]) -> None:
    report = check([Shelf({"train": drawn[:4], "test": drawn[4:]})])
    assert report.findings == ()
    assert report.counts == {"shelf train": 4, "shelf test": 2}
    assert report.outside["shelf train"].share == 0


def test_progress_sees_each_face_once(drawn: list[Sample]) -> None:
    seen: list[str] = []

    def progress(samples: Sequence[Sample]) -> Sequence[Sample]:
        seen.extend(sample.name for sample in samples)
        return samples

    report = check([Shelf({"common": drawn[:2], "full": drawn[:3]})], progress)
    assert seen == [sample.name for sample in drawn[:3]]
    assert report.counts == {"shelf common": 2, "shelf full": 3}


def test_a_kind_must_be_one_of_the_table() -> None:
    with pytest.raises(ValueError, match="kind must be one of broken, outside"):
        Finding("strange", "here", "odd")


def test_a_picture_that_cannot_be_read_is_a_finding(drawn: list[Sample]) -> None:
    content = encode_image(drawn[0].load(), ".jpg")[:-100]
    cut_off = replace(drawn[0], load=lambda: decode_image(content, "afw/1.jpg"))
    report = check([Shelf({"train": [cut_off, *drawn[1:]]})])
    (finding,) = report.findings
    assert (finding.kind, finding.where) == ("broken", f"shelf train {drawn[0].name}")
    assert "afw/1.jpg is cut off" in finding.what
    assert report.counts == {"shelf train": 5}


def test_an_annotation_that_cannot_be_used_is_found_once(drawn: list[Sample]) -> None:
    shelf = Shelf({"common": drawn[:1], "full": drawn[:2]}, broken="ibug/2.pts has 67 points")
    assert check([shelf]).findings == (
        Finding("broken", "shelf common", "ibug/2.pts has 67 points"),
    )


def test_a_subset_that_cannot_be_opened_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "afw").mkdir()
    dataset = W300(tmp_path)
    (tmp_path / "afw" / "1.pts").write_text("<?xml?>")
    (finding,) = check([dataset]).findings
    assert finding.kind == "broken"
    assert "1.pts, line 1: expected 'x y', got '<?xml?>'" in finding.what


def test_a_point_far_outside_is_found_and_a_near_one_only_counted(drawn: list[Sample]) -> None:
    def with_nose_at(sample: Sample, x: float) -> Sample:
        points = sample.landmarks.points.copy()
        points[30] = [x, 60]
        return replace(sample, landmarks=Landmarks(points, IBUG68))

    near, far = with_nose_at(drawn[0], -1), with_nose_at(drawn[1], -128)
    report = check([Shelf({"train": [near, far, drawn[2]]})])
    (finding,) = report.findings
    assert (finding.kind, finding.where) == ("outside", f"shelf train {far.name}")
    assert finding.what.startswith("point 30 lies outside the picture by ")
    outside = report.outside["shelf train"]
    assert outside.share == pytest.approx(2 / (3 * 68))
    assert outside.worst_face == far.name
    assert outside.worst > FAR


def test_half_a_pixel_beyond_the_last_centre_is_still_inside(drawn: list[Sample]) -> None:
    points = drawn[0].landmarks.points.copy()
    points[0], points[16] = [-0.5, 60], [127.5, 60]
    edge = replace(drawn[0], landmarks=Landmarks(points, IBUG68))
    assert check([Shelf({"train": [edge]})]).outside["shelf train"].share == 0


def test_a_face_of_few_pixels_is_found(drawn: list[Sample]) -> None:
    box = drawn[0].landmarks.box
    scale = 0.9 * SMALLEST / max(box.width, box.height)
    shrink = lambda p: cv2.resize(p, None, fx=scale, fy=scale)  # noqa: E731
    report = check([Shelf({"test": [changed(drawn[0], "tiny", shrink, scale)]})])
    (finding,) = report.findings
    assert (finding.kind, finding.where) == ("small", "shelf test tiny")
    assert "29 pixels, at least 32" in finding.what


def recoded(picture: Picture) -> Picture:
    return decode_image(encode_image(picture, ".jpg", 30), "recoded")


def test_a_training_face_in_a_test_set_is_found_by_content(drawn: list[Sample]) -> None:
    twin = changed(drawn[1], "another name", recoded)
    (finding,) = check([Shelf({"train": drawn[:3], "test": [drawn[4], twin]})]).findings
    assert (finding.kind, finding.where) == ("duplicate", f"shelf train {drawn[1].name}")
    assert "shows the same as shelf test another name" in finding.what


def test_faces_of_two_data_sets_are_compared_and_distinguished(drawn: list[Sample]) -> None:
    smaller = changed(drawn[0], "smaller", lambda p: cv2.resize(p, (96, 96)), 96 / 128)
    report = check([Shelf({"train": drawn[:3]}), Shelf({"train": [drawn[4], smaller]})])
    (finding,) = report.findings
    assert (finding.kind, finding.where) == ("duplicate", f"shelf#1 train {drawn[0].name}")
    assert "shelf#2 train smaller" in finding.what


def test_overlapping_test_subsets_are_no_duplicates(drawn: list[Sample]) -> None:
    assert check([Shelf({"common": drawn[:2], "full": drawn[:3]})]).findings == ()


def test_one_face_under_two_identities_of_train_is_found(drawn: list[Sample]) -> None:
    twin = changed(drawn[1], "twin", recoded)
    assert kinds(check([Shelf({"train": [*drawn, twin]})])) == ["identity"]
    same = replace(twin, identity=drawn[1].identity)
    assert kinds(check([Shelf({"train": [*drawn, same]})])) == []


def test_a_test_photo_that_learning_leaves_out_is_no_finding(drawn: list[Sample]) -> None:
    known = replace(drawn[1], in_test=True)
    twin, again = (changed(drawn[1], name, recoded) for name in ("twin", "again"))
    report = check([Shelf({"train": [drawn[0], known], "test": [drawn[4], twin]})])
    assert (report.findings, report.handled) == ((), 1)
    # another copy in train is left out by nobody
    report = check([Shelf({"train": [drawn[0], known, again], "test": [drawn[4], twin]})])
    assert (kinds(report), report.handled) == (["duplicate"], 2)
    assert report.findings[0].where == "shelf train again"


def test_what_one_data_set_leaves_out_another_may_learn_from(drawn: list[Sample]) -> None:
    known = replace(drawn[1], in_test=True)
    twin = changed(drawn[1], "twin", recoded)
    report = check([Shelf({"train": [known]}), Shelf({"train": [twin]})])
    assert (kinds(report), report.handled) == (["duplicate"], 0)


def test_flat_pictures_show_nothing_and_so_not_the_same() -> None:
    flat = [np.full((32, 32), grey, np.uint8) for grey in (0, 90, 90)]
    assert (prints(np.stack(flat)) == 0).all()
    assert list(same_faces(flat, flat)) == []


def test_no_faces_are_no_duplicates(drawn: list[Sample]) -> None:
    assert list(same_faces([], [thumbnail(drawn[0].load(), drawn[0].landmarks.box)])) == []


@pytest.fixture(scope="module")
def training(real_data: Path) -> list[Sample]:
    """Some training faces of different people; no test picture has a say in the threshold."""
    return [s for s in W300(real_data / "300w").samples("train") if s.name.startswith("afw")][:120]


def best(ours: list[Picture], theirs: list[Picture]) -> set[tuple[int, int]]:
    return {(i, j) for i, j, _ in same_faces(ours, theirs)}


def test_real_photos_are_distinguished(training: list[Sample]) -> None:
    faces = [thumbnail(s.load(), s.landmarks.box) for s in training]
    pairs = best(faces, faces)
    assert {(i, i) for i in range(len(faces))} <= pairs
    assert all(training[i].identity == training[j].identity for i, j in pairs)


def cut_close(sample: Sample) -> tuple[Picture, Landmarks]:
    """The picture cut 5 % beyond the face's box."""
    picture, points = sample.load(), sample.landmarks.points
    edge = 0.05 * np.ptp(points, axis=0).max()
    x0, y0 = (points.min(axis=0) - edge).clip(0).astype(int)
    x1, y1 = (points.max(axis=0) + edge).astype(int)
    return picture[y0:y1, x0:x1], Landmarks(points - [x0, y0], IBUG68)


def scaled(sample: Sample, factor: float) -> tuple[Picture, Landmarks]:
    picture = cv2.resize(sample.load(), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return picture, Landmarks((sample.landmarks.points + 0.5) * factor - 0.5, IBUG68)


COPIES: dict[str, Callable[[Sample], tuple[Picture, Landmarks]]] = {
    "JPEG of quality 30": lambda s: (recoded(s.load()), s.landmarks),
    "half the size": lambda s: scaled(s, 0.5),
    "a quarter of the size": lambda s: scaled(s, 0.25),
    "cut close": cut_close,
    "annotated 2 % wider": lambda s: (
        s.load(),
        Landmarks(s.landmarks.points * 1.02 - 0.02 * s.landmarks.points.mean(axis=0), IBUG68),
    ),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_of_real_photos_are_found(
    training: list[Sample], copy: Callable[[Sample], tuple[Picture, Landmarks]]
) -> None:
    faces = [thumbnail(s.load(), s.landmarks.box) for s in training]
    copies = [(picture, points.box) for picture, points in map(copy, training)]
    found = best(faces, [thumbnail(*one) for one in copies])
    assert all(training[i].identity == training[j].identity for i, j in found)
    assert sum(i == j for i, j in found) >= 0.98 * len(faces)


def test_the_real_copies_are_whole_but_share_three_photos(real_data: Path) -> None:
    # seen by eye: three photos of LFPW are in its training and in its test folder
    dataset = W300(real_data / "300w")
    part = {s: [x for x in dataset.samples(s) if "lfpw" in x.name] for s in ("train", "common")}
    report = check([Shelf(part, name="lfpw"), WFLW(real_data / "wflw_mini")])
    assert report.handled == 3  # `W300` marks them, so that nothing learns from them
    assert set(kinds(report)) == {"identity"}
    part["train"] = [replace(sample, in_test=False) for sample in part["train"]]
    unmarked = check([Shelf(part, name="lfpw")]).findings
    pairs = [
        (finding.where.split("_")[-1], finding.what.split("_")[1].split()[0])
        for finding in unmarked
        if finding.kind == "duplicate"
    ]
    assert pairs == [("0215", "0066"), ("0828", "0096"), ("0862", "0007")]
    assert report.counts == {"lfpw train": 805, "lfpw common": 224, "wflw test": 4}


def test_real_low_resolution_frames_are_fine(real_data: Path) -> None:
    frames = LandmarkTable(real_data / "ytf" / "train.csv").samples("train")[::12]
    report = check([Shelf({"train": list(frames)}, name="ytf")])
    assert report.findings == ()
