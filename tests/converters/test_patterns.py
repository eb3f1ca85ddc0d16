"""Test patterns: the same bytes wherever they are drawn."""

import ast
import hashlib
import inspect

import numpy as np
import pytest

from asmnet_edge.converters.checks import patterns as module
from asmnet_edge.converters.checks.patterns import patterns


# found once, on x86-64 with NumPy 2; another machine or version must find the same
@pytest.mark.parametrize(
    ("size", "digest"),
    [
        (96, "07b0feb2e3bed273b8a56cefb34c31de039c3e6785806c976de3407ed64cac41"),
        (224, "67e06710db913c1546af2df1c2c66bb3db4e32d462466510bb4afde0097c24bc"),
    ],
)
def test_every_pixel_is_as_it_was(size: int, digest: str) -> None:
    assert hashlib.sha256(patterns(size).tobytes()).hexdigest() == digest


def test_they_are_crops() -> None:
    drawn = patterns(96)
    assert (drawn.shape, drawn.dtype) == ((4, 96, 96, 3), np.uint8)
    assert drawn.flags["C_CONTIGUOUS"]


def test_no_two_are_alike_and_none_is_flat() -> None:
    drawn = patterns(96).astype(int)
    for i, one in enumerate(drawn):
        assert one.std() > 20
        assert all(np.abs(one - other).mean() > 10 for other in drawn[:i])


def test_nothing_in_them_is_computed_in_floating_point() -> None:
    tree = ast.parse(inspect.getsource(module))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Div)]
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is float]
    assert not {a.attr for a in ast.walk(tree) if isinstance(a, ast.Attribute)} & {"sqrt", "mean"}
