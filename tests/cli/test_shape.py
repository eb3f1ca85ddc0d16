"""``asmnet-edge shape``: from annotated faces to a model, from a model to a table and a picture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.geometry.shape_model import PointDistributionModel
from asmnet_edge.io.images import read_image

Run = Callable[..., Any]


@pytest.fixture
def model_file(asmnet_edge: Run, tmp_path: Path) -> Path:
    """A model of forty drawn faces."""
    path = tmp_path / "shape.npz"
    assert asmnet_edge("shape", "fit", "--data", "synthetic:40", "--output", path).code == 0
    return path


def table_of_faces(path: Path, count: int, broken: int = 0) -> Path:
    """A CSV of drawn faces' landmarks, the last ``broken`` rows without numbers."""
    samples = DrawnFaces(count).samples("train")
    header = ["image", *(f"{axis}{i}" for i in range(68) for axis in "xy")]
    rows = [[f"{i}.png", *map(str, s.landmarks.points.ravel())] for i, s in enumerate(samples)]
    rows += [["bad.png", *["?"] * 136]] * broken
    path.write_text("\n".join(",".join(row) for row in [header, *rows]))
    return path


# fit


@pytest.mark.parametrize("alignment", ["box", "procrustes"])
def test_a_fit_is_that_of_the_landmarks(asmnet_edge: Run, tmp_path: Path, alignment: str) -> None:
    path = tmp_path / "new" / "shape.npz"
    words = ("--align", alignment, "--variance", "0.95", "--output", path)
    ended = asmnet_edge("shape", "fit", "--data", "synthetic:40", *words)
    assert ended.code == 0
    points = np.stack([s.landmarks.points for s in DrawnFaces(40).samples("train")])
    expected = PointDistributionModel.fit(points, 0.95, alignment, IBUG68)
    loaded = PointDistributionModel.load(path)
    np.testing.assert_allclose(loaded.mean, expected.mean)
    np.testing.assert_allclose(loaded.spectrum, expected.spectrum)
    assert (loaded.alignment, loaded.scheme, loaded.variance) == (alignment, IBUG68, 0.95)


def test_the_table_shows_faces_components_and_shares(asmnet_edge: Run, model_file: Path) -> None:
    ended = asmnet_edge("shape", "show", model_file)
    model = PointDistributionModel.load(model_file)
    assert f"40 faces, ibug68, alignment box: {len(model.components)} components for 90 %" in (
        ended.out
    )
    rows = [line.split() for line in ended.out.splitlines() if line.strip()[:1].isdigit()][1:]
    assert [int(row[0]) for row in rows] == list(range(1, 1 + len(model.components)))
    np.testing.assert_allclose([float(row[2]) for row in rows], 100 * model.shares, atol=0.006)
    assert float(rows[-1][3]) == pytest.approx(100 * model.shares.sum(), abs=0.006)
    needed = [f"{model.modes_for(percent / 100)} at {percent} %" for percent in (90, 95, 97, 99)]
    assert f"components needed: {', '.join(needed)}" in ended.out


def test_fit_and_show_print_the_same(asmnet_edge: Run, tmp_path: Path) -> None:
    words = ("--data", "synthetic:20", "--output", tmp_path / "shape.npz", "--json")
    fitted = json.loads(asmnet_edge("shape", "fit", *words).out)
    shown = json.loads(asmnet_edge("shape", "show", tmp_path / "shape.npz", "--json").out)
    assert fitted == shown
    assert (fitted["faces"], fitted["scheme"], fitted["points"]) == (20, "ibug68", 68)
    assert len(fitted["shares"]) == len(fitted["eigenvalues"]) == fitted["components"]
    assert fitted["components_for"].keys() == {"90", "95", "97", "99"}


def test_several_data_sets_make_one_model(asmnet_edge: Run, tmp_path: Path) -> None:
    table = table_of_faces(tmp_path / "faces.csv", 5)
    words = ("--data", "synthetic:20", "--data", f"csv:{table}", "--json")
    ended = asmnet_edge("shape", "fit", *words, "--output", tmp_path / "shape.npz")
    assert json.loads(ended.out)["faces"] == 25


def test_real_training_faces_have_4_7_11_and_23_components(
    asmnet_edge: Run, real_data: Path, tmp_path: Path
) -> None:
    words = ("--data", f"300w:{real_data / '300w'}", "--output", tmp_path / "shape.npz", "--json")
    ended = asmnet_edge("shape", "fit", *words)
    figures = json.loads(ended.out)
    assert figures["components_for"] == {"90": 4, "95": 7, "97": 11, "99": 23}
    assert figures["faces"] == 2012 - 3  # three photos are in the test set as well
    assert "left out: 3 whose photo is in a test subset too" in ended.err
    assert "missing: 1,130 of helen/trainset" in ended.err


# broken faces


def test_a_broken_face_stops_the_fit(asmnet_edge: Run, tmp_path: Path) -> None:
    table = table_of_faces(tmp_path / "faces.csv", 5, broken=1)
    output = tmp_path / "shape.npz"
    ended = asmnet_edge("shape", "fit", "--data", f"csv:{table}", "--output", output)
    assert ended.code == 2
    assert "faces.csv, line 7" in ended.complaint
    assert "--broken skip" in ended.complaint
    assert not output.exists()


def test_broken_faces_are_left_out_on_request(asmnet_edge: Run, tmp_path: Path) -> None:
    table = table_of_faces(tmp_path / "faces.csv", 5, broken=2)
    words = ("--data", f"csv:{table}", "--output", tmp_path / "shape.npz", "--broken", "skip")
    ended = asmnet_edge("shape", "fit", *words, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["faces"] == 5
    assert "2 broken faces left out" in ended.err


def test_only_broken_faces_are_no_faces(asmnet_edge: Run, tmp_path: Path) -> None:
    table = table_of_faces(tmp_path / "faces.csv", 1, broken=2)
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *lines[2:]]))
    words = ("--data", f"csv:{table}", "--output", tmp_path / "shape.npz", "--broken", "skip")
    ended = asmnet_edge("shape", "fit", *words)
    assert ended.code == 2
    assert "no faces to fit a shape model to" in ended.complaint


# show


def test_the_picture_has_a_row_a_mode(asmnet_edge: Run, model_file: Path, tmp_path: Path) -> None:
    heights = []
    for modes in (1, 2):
        output = tmp_path / f"{modes}.png"
        words = ("--output", output, "--modes", modes)
        assert asmnet_edge("shape", "show", model_file, *words).code == 0
        heights.append(len(read_image(output)))
    assert heights[1] - heights[0] == heights[0] - 4


def test_the_picture_shows_all_modes_kept(
    asmnet_edge: Run, model_file: Path, tmp_path: Path
) -> None:
    kept = len(PointDistributionModel.load(model_file).components)
    assert kept <= 5
    for name, words in (("all.png", ()), ("kept.png", ("--modes", kept))):
        asmnet_edge("shape", "show", model_file, "--output", tmp_path / name, *words)
    assert (tmp_path / "all.png").read_bytes() == (tmp_path / "kept.png").read_bytes()


# what goes wrong


def test_more_modes_than_kept_are_refused(
    asmnet_edge: Run, model_file: Path, tmp_path: Path
) -> None:
    words = ("--output", tmp_path / "modes.png", "--modes", 99)
    ended = asmnet_edge("shape", "show", model_file, *words)
    assert ended.code == 2
    assert "got --modes 99" in ended.complaint
    assert not (tmp_path / "modes.png").exists()


def test_modes_without_a_picture_are_refused(asmnet_edge: Run, model_file: Path) -> None:
    ended = asmnet_edge("shape", "show", model_file, "--modes", 1)
    assert ended.code == 2
    assert "Give --output FILE.png too" in ended.complaint


def test_outputs_that_exist_are_kept(asmnet_edge: Run, model_file: Path, tmp_path: Path) -> None:
    before = model_file.read_bytes()
    picture = tmp_path / "modes.png"
    picture.write_text("the old one")
    for words in (
        ("fit", "--data", "synthetic:9", "--output", model_file),
        ("show", model_file, "--output", picture),
    ):
        ended = asmnet_edge("shape", *words)
        assert ended.code == 2
        assert "Give --overwrite" in ended.complaint
    assert model_file.read_bytes() == before
    assert picture.read_text() == "the old one"
    assert asmnet_edge("shape", *words, "--overwrite").code == 0
    assert read_image(picture).ndim == 3


@pytest.mark.parametrize("name", ["letter.txt", "gone.npz"])
def test_what_is_no_shape_model_is_reported(
    asmnet_edge: Run, tmp_path: Path, letter: Path, name: str
) -> None:
    path = letter if name == "letter.txt" else tmp_path / name
    ended = asmnet_edge("shape", "show", path)
    assert ended.code == 2
    assert "shape model" in ended.complaint
    assert ended.complaint.endswith("Make one with: asmnet-edge shape fit")


def test_one_face_is_no_distribution(asmnet_edge: Run, tmp_path: Path) -> None:
    words = ("--data", "synthetic:1", "--output", tmp_path / "shape.npz")
    ended = asmnet_edge("shape", "fit", *words)
    assert ended.code == 2
    assert "at least 2 shapes" in ended.complaint
    assert not (tmp_path / "shape.npz").exists()


def test_a_model_is_an_npz(asmnet_edge: Run, tmp_path: Path) -> None:
    words = ("--data", "synthetic:9", "--output", tmp_path / "shape.txt")
    assert "a shape model is a .npz file" in asmnet_edge("shape", "fit", *words).complaint
