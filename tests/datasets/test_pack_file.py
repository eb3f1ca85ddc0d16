"""Packs on disk: what was packed comes back, what is damaged is refused, test faces stay apart."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.datasets.pack import JPEG_QUALITY, PACK_RULE, Pack, make_pack
from asmnet_edge.datasets.pack_file import PackFacts, PackFile, pack_of, read_pack, write_pack
from asmnet_edge.datasets.sample import Missing, Sample
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68, scheme_named

FACTS = PackFacts(
    "300w", "train", "research", IBUG68, PACK_RULE, JPEG_QUALITY, (Missing("ibug", 135),)
)


@pytest.fixture
def mixed_pack(face_samples: Callable[[int], list[Sample]]) -> Pack:
    """Three faces, the pose of the last one fitted."""
    *known, other = face_samples(3)
    return make_pack([*known, replace(other, pose=None)])


@pytest.fixture
def file(tmp_path: Path, mixed_pack: Pack) -> Path:
    write_pack(tmp_path / "faces.npz", mixed_pack, FACTS)
    return tmp_path / "faces.npz"


def rewritten(file: Path, **changed: Any) -> Path:
    """The pack ``file`` with some of its arrays exchanged."""
    with np.load(file) as stored:
        np.savez(file, **{**stored, **changed})
    return file


def text(content: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def test_what_was_packed_comes_back(file: Path, mixed_pack: Pack) -> None:
    pack, facts = read_pack(file)
    assert facts == FACTS
    for field in ("scheme", "jpegs", "names", "identities"):
        assert getattr(pack, field) == getattr(mixed_pack, field)
    for field in ("points", "pose", "exact"):  # to the last bit: training sees the same faces
        np.testing.assert_array_equal(getattr(pack, field), getattr(mixed_pack, field))


def test_the_same_pack_makes_the_same_bytes(tmp_path: Path, file: Path, mixed_pack: Pack) -> None:
    write_pack(tmp_path / "again.npz", mixed_pack, FACTS)
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()


def test_nothing_in_a_pack_is_pickled(file: Path) -> None:
    with np.load(file, allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


def test_names_in_any_script_come_back(tmp_path: Path, mixed_pack: Pack) -> None:
    names = ("Zoë\n1", "李四", "")
    write_pack(tmp_path / "a.npz", replace(mixed_pack, names=names), FACTS)
    assert read_pack(tmp_path / "a.npz")[0].names == names


# as a data set


def test_a_stored_pack_is_a_data_set(file: Path, mixed_pack: Pack) -> None:
    dataset = open_dataset(f"pack:{file}")
    samples = dataset.samples("train")
    assert (dataset.name, dataset.licence, dataset.scheme) == ("300w pack", "research", IBUG68)
    assert [s.name for s in samples] == list(mixed_pack.names)
    assert [s.identity for s in samples] == list(mixed_pack.identities)
    np.testing.assert_array_equal(samples[1].landmarks.points, mixed_pack.points[1])
    np.testing.assert_array_equal(samples[1].load(), mixed_pack.picture(1))
    assert list(dataset.missing("train")) == [Missing("ibug", 135)]


def test_only_an_exact_pose_counts_as_known(file: Path, mixed_pack: Pack) -> None:
    first, _, last = PackFile(file).samples("train")
    np.testing.assert_array_equal(first.pose, mixed_pack.pose[0])
    assert last.pose is None


@pytest.mark.parametrize("ask", [PackFile.samples, PackFile.missing, pack_of])
def test_a_pack_of_test_faces_cannot_be_trained_on(
    tmp_path: Path, mixed_pack: Pack, ask: Callable[[PackFile, str], Any]
) -> None:
    write_pack(tmp_path / "common.npz", mixed_pack, replace(FACTS, subset="common"))
    dataset = PackFile(tmp_path / "common.npz")
    assert list(dataset.subsets) == ["common"]
    with pytest.raises(DataError, match="holds the subset 'common' of 300w, not 'train'.*--subset"):
        ask(dataset, "train")


def test_a_stored_pack_is_not_encoded_again(file: Path, mixed_pack: Pack) -> None:
    def progress(samples: Sequence[Sample]) -> Iterator[Sample]:
        raise AssertionError("nothing is left to do")

    assert pack_of(PackFile(file), "train", progress).jpegs == mixed_pack.jpegs


def test_other_data_sets_are_packed() -> None:
    pack = pack_of(DrawnFaces(2, size=64), "test")
    assert pack.names == ("test/0-2147483648", "test/0-2147483649")
    assert pack.exact.all()


# damage


def test_another_file_is_no_pack(tmp_path: Path) -> None:
    for content in (b"", b"Dear Sir or Madam", b"PK\3\4 and then?", b"\x93NUMPY\1\0"):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.npz is not a readable pack.*data prepare"):
            read_pack(tmp_path / "a.npz")


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", facts=np.array([print], object))
    with pytest.raises(DataError, match="not a readable pack"):
        read_pack(tmp_path / "a.npz")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_half_a_file_is_refused(file: Path, kept: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match="is not a readable pack"):
        read_pack(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_flipped_bit_is_refused_or_changes_nothing(file: Path, data: st.DataObject) -> None:
    whole, _ = read_pack(file)
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = file.with_name("damaged.npz")
    damaged.write_bytes(content)
    try:
        pack, facts = read_pack(damaged)
    except DataError:
        return
    assert facts == FACTS
    assert pack.jpegs == whole.jpegs
    np.testing.assert_array_equal(pack.points, whole.points)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"points": np.zeros((3, 98, 2))}, r"points must be \(3, 68, 2\), got \(3, 98, 2\)"),
        ({"points": np.full((3, 68, 2), np.nan)}, "points must be finite"),
        ({"pose": np.zeros((3, 3), "f4")}, "pose must be float64, got float32"),
        ({"exact": np.zeros(2, bool)}, r"exact must be \(3,\), got \(2,\)"),
        ({"offsets": np.array([0, 9, 5, 12])}, "offsets do not divide"),
        ({"offsets": np.array([0])}, "offsets do not divide"),
        ({"jpegs": np.zeros(0, "u1")}, "offsets do not divide"),
        ({"names": text(["a", "b"])}, "expected 3 names, got 2"),
        ({"names": text({"a": 1})}, "lists of text"),
        ({"identities": text([1, 2, 3])}, "lists of text"),
        ({"facts": text({"schema_version": 7})}, "schema version 7, this program reads 1"),
        ({"facts": text({**FACTS.as_json(), "scheme": "x9"})}, "no landmark scheme 'x9'"),
        ({"facts": text({**FACTS.as_json(), "size": 0})}, "size >= 1"),
        ({"facts": text({**FACTS.as_json(), "licence": None})}, "must be text"),
        ({"facts": text([])}, "not a readable pack"),
        ({"facts": np.zeros(3, "u1")}, "not a readable pack"),
    ],
)
def test_what_does_not_fit_is_named(file: Path, changed: dict, complaint: str) -> None:
    with pytest.raises(DataError, match=rf"{complaint}.*Make it again: asmnet-edge data prepare"):
        read_pack(rewritten(file, **changed))


def test_a_picture_that_is_no_jpeg_is_counted_from_0(file: Path, mixed_pack: Pack) -> None:
    content = bytearray(b"".join(mixed_pack.jpegs))
    content[len(mixed_pack.jpegs[0])] = 0
    with pytest.raises(DataError, match="picture 1 is no JPEG"):
        read_pack(rewritten(file, jpegs=np.frombuffer(bytes(content), np.uint8)))


def test_a_missing_pack_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_pack(tmp_path / "gone.npz")


def test_a_pack_that_cannot_be_written_leaves_the_old_one(
    file: Path, mixed_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(file: Any, **_: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    before = file.read_bytes()
    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(UsageError, match=r"cannot write .*faces\.npz: No space left"):
        write_pack(file, mixed_pack, FACTS)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_packed_and_missing_faces_make_the_official_size(face_samples: Callable) -> None:
    one, *others = face_samples(4)
    samples = [replace(one, in_test=True), *others]

    class Given:
        name, licence, scheme = "given", "none", IBUG68

        def missing(self, subset: str) -> Sequence[Missing]:
            return [Missing("elsewhere", 10)]

    facts = PackFacts.of(Given(), "train", samples, PACK_RULE, JPEG_QUALITY, broken=2)
    assert [lack.faces for lack in facts.missing] == [10, 1, 2]
    assert "test subset" in facts.missing[1].part
    assert len(make_pack(samples)) + facts.missing[1].faces == len(samples)


@pytest.mark.parametrize("drawn", [True, False])
def test_a_pack_of_drawn_faces_is_marked(
    tmp_path: Path, face_samples: Callable, drawn: bool
) -> None:
    samples = [replace(sample, drawn=drawn) for sample in face_samples(2)]
    facts = PackFacts.of(DrawnFaces(2), "test", samples, PACK_RULE, JPEG_QUALITY)
    write_pack(tmp_path / "a.npz", make_pack(samples), facts)
    read = PackFile(tmp_path / "a.npz")
    assert (read.facts.drawn, read.samples("test")[0].drawn) == (drawn, drawn)


def test_facts_come_back_from_json() -> None:
    facts = replace(FACTS, scheme=scheme_named("wflw98"), rule=CropRule(1.5, 99), missing=())
    assert PackFacts.from_json(json.loads(json.dumps(facts.as_json()))) == facts


def test_real_faces_come_back_from_a_pack_as_they_went_in(tmp_path: Path, real_data: Path) -> None:
    samples = W300(real_data / "300w").samples("train")[::200]
    pack = make_pack(samples, rule=CropRule(1.8, 128), quality=80)
    write_pack(tmp_path / "a.npz", pack, replace(FACTS, rule=CropRule(1.8, 128)))
    for again, sample in zip(PackFile(tmp_path / "a.npz").samples("train"), samples, strict=True):
        assert again.name == sample.name
        assert again.load().shape == (128, 128, 3)
        assert again.pose is None
