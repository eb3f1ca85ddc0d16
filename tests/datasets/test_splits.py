"""Validation faces are held out by person, the same ones everywhere."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.datasets.pack import Pack, make_pack
from asmnet_edge.datasets.splits import hold_out, is_validation, split
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import UsageError

PEOPLE = st.lists(st.text(max_size=8), max_size=50)


def test_the_checksum_of_the_name_decides() -> None:
    # CRC-32 of "123456789" is 0xCBF43926 (its published check value) = 3421780262: 262 of 10,000
    assert is_validation("123456789", percent=2.63)
    assert not is_validation("123456789", percent=2.62)


@given(PEOPLE)
def test_every_face_is_on_exactly_one_side(identities: list[str]) -> None:
    train, validation = split(identities, 30)
    assert sorted([*train, *validation]) == list(range(len(identities)))


@given(PEOPLE)
def test_nobody_is_on_both_sides(identities: list[str]) -> None:
    train, validation = split(identities * 2, 30)
    assert not {(identities * 2)[i] for i in train} & {(identities * 2)[i] for i in validation}


@given(PEOPLE, st.randoms())
def test_neither_order_nor_company_matters(identities: list[str], random: Random) -> None:
    shuffled = random.sample(identities, len(identities))
    held_out = {identities[i] for i in split(identities, 30)[1]}
    assert {shuffled[i] for i in split(shuffled, 30)[1]} == held_out


def test_about_that_many_per_cent_are_held_out() -> None:
    people = [f"person {i}" for i in range(5000)]
    for percent in (0, 7, 50, 100):
        assert abs(len(split(people, percent)[1]) / 50 - percent) < 2


def test_more_per_cent_hold_out_the_same_people_and_others() -> None:
    people = [f"person {i}" for i in range(500)]
    assert set(split(people, 7)[1]) < set(split(people, 20)[1])


def test_nobody_at_all_splits_into_nobody() -> None:
    train, validation = split([])
    assert len(train) == len(validation) == 0
    assert np.issubdtype(train.dtype, np.integer)


@pytest.fixture(scope="module")
def drawn() -> Pack:
    return make_pack(DrawnFaces(30, size=128).samples("train"))


def test_a_pack_is_parted_by_identity(drawn: Pack) -> None:
    ((train, validation),) = hold_out([drawn], 30)
    assert set(train.names) | set(validation.names) == set(drawn.names)
    assert all(is_validation(identity, 30) for identity in validation.identities)
    assert not any(is_validation(identity, 30) for identity in train.identities)


def renamed(pack: Pack, prefix: str) -> Pack:
    """The same photos under other names, of people with other names."""
    names = tuple(prefix + name for name in pack.names)
    return replace(pack, names=names, identities=names)


def test_a_validation_photo_under_another_name_does_not_train(drawn: Pack) -> None:
    ((train, validation),) = hold_out([drawn], 30)
    copied = drawn.names.index(validation.names[0])
    another = train.identities[0]
    twice = drawn.select(np.array([*range(30), copied]))
    copy = replace(twice, names=(*drawn.names, "copy"), identities=(*drawn.identities, another))
    ((left, same),) = hold_out([copy], 30)
    assert same.names == validation.names
    # who is shown there may be in other photos of that identity: they all go
    assert left.names == train.names[1:]


def test_a_second_data_set_does_not_bring_validation_photos_back(drawn: Pack) -> None:
    others = make_pack(DrawnFaces(6, seed=3, size=128).samples("train"))
    (train, validation), (second, _), (fresh, _) = hold_out(
        [drawn, renamed(drawn, "x"), others], 30
    )
    assert second.names == tuple("x" + name for name in train.names)
    assert fresh.names == others.names
    assert len(validation)


def test_one_person_alone_cannot_be_parted(drawn: Pack) -> None:
    alike = replace(drawn, identities=("one",) * 30)
    with pytest.raises(UsageError, match="of 30 faces of 1 people or photos (0|30) would validate"):
        hold_out([alike], 30)


def test_a_data_set_that_only_repeats_validation_photos_is_refused(drawn: Pack) -> None:
    ((_, validation),) = hold_out([drawn], 30)
    with pytest.raises(UsageError, match="every face of a data set validates"):
        hold_out([drawn, renamed(validation, "x")], 30)
