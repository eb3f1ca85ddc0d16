"""The networks have the size that was published, and weights that fit every input size."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest

from asmnet_edge.errors import UsageError
from asmnet_edge.training.network import DROPOUT, NORM_MOMENTUM, Variant, build, multiply_adds
from asmnet_edge.training.run_state import copy_weights

SMALL = Variant(alpha=0.35, input_size=64)


@pytest.fixture(scope="module")
def asmnet() -> keras.Model:
    return build(Variant())


@pytest.fixture(scope="module")
def mobilenetv2() -> keras.Model:
    return build(Variant("mobilenetv2"))


@pytest.fixture(scope="module")
def small() -> keras.Model:
    return build(SMALL)


def count(weights: list[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


# Fard, Abdollahi, Mahoor, CVPRW 2021: ASMNet has 1.43 M and MobileNetV2 2.42 M parameters; counted
# one by one in docs/facts.md
def test_asmnet_has_its_1_4_million_parameters(asmnet: keras.Model) -> None:
    assert count(asmnet.weights) == 1_439_507
    assert count(asmnet.trainable_weights) == 1_412_435


def test_asmnet_for_98_points_has_60_outputs_more() -> None:
    assert count(build(Variant(points=98)).weights) == 1_471_727


def test_mobilenetv2_has_its_2_4_million_parameters(mobilenetv2: keras.Model) -> None:
    assert count(mobilenetv2.weights) == 2_436_043


def test_multiply_adds_at_224_pixels(asmnet: keras.Model, mobilenetv2: keras.Model) -> None:
    # MobileNetV2 without its classifier: Sandler et al., CVPR 2018, table 4, has 300 M
    assert multiply_adds(asmnet) / 1e6 == pytest.approx(256.5, abs=0.05)
    assert multiply_adds(mobilenetv2) / 1e6 == pytest.approx(299.7, abs=0.05)


def test_multiply_adds_of_two_layers_by_hand() -> None:
    picture = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(5, 3, strides=2, padding="same")(picture)  # 4 x 4 x (3 x 3 x 3 x 5)
    maps = keras.layers.DepthwiseConv2D(3, padding="same")(maps)  # 4 x 4 x 5 x (3 x 3)
    values = keras.layers.Dense(7)(keras.layers.Flatten()(maps))  # 80 x 7
    assert multiply_adds(keras.Model(picture, values)) == 16 * 135 + 80 * 9 + 560


def test_asmnet_pools_six_maps_of_536_channels(asmnet: keras.Model) -> None:
    pools = [la for la in asmnet.layers if isinstance(la, keras.layers.GlobalAveragePooling2D)]
    shapes = [tuple(pool.input.shape[1:]) for pool in pools]
    # docs/facts.md, after Fard et al.
    assert shapes == [
        (56, 56, 24),
        (28, 28, 32),
        (14, 14, 64),
        (14, 14, 96),
        (7, 7, 160),
        (7, 7, 160),
    ]
    assert asmnet.get_layer("features").output.shape == (None, 536)


def test_asmnet_ends_before_the_last_block(asmnet: keras.Model, mobilenetv2: keras.Model) -> None:
    ours, theirs = ({layer.name for layer in model.layers} for model in (asmnet, mobilenetv2))
    assert "block_15_add" in ours
    assert not [name for name in ours if name.startswith("block_16")]
    assert [name for name in theirs if name.startswith("block_16")]


def test_outputs_are_landmarks_and_pose(small: keras.Model) -> None:
    outputs = small(np.zeros((2, 64, 64, 3), "f4"), training=False)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "landmarks": (2, 136),
        "pose": (2, 3),
    }


def test_the_same_weights_serve_every_input_size(small: keras.Model) -> None:
    larger = build(SMALL, training_resolution=96)
    assert larger.input_shape == (None, 96, 96, 3)
    assert [w.shape for w in larger.weights] == [w.shape for w in small.weights]
    larger.set_weights(small.get_weights())
    assert all(
        (a == b).all() for a, b in zip(larger.get_weights(), small.get_weights(), strict=True)
    )


def test_moving_statistics_keep_up_with_training(small: keras.Model) -> None:
    norms = [la for la in small.layers if isinstance(la, keras.layers.BatchNormalization)]
    assert len(norms) > 40
    assert {norm.momentum for norm in norms} == {NORM_MOMENTUM}
    assert 0.97 <= NORM_MOMENTUM <= 0.99  # docs/facts.md


def test_weighted_pooling_starts_as_the_average(small: keras.Model) -> None:
    weighted = build(replace(SMALL, architecture="asmnet-weighted"))
    copy_weights(weighted, small)
    face = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype("f4")
    for name, expected in small(face, training=False).items():
        np.testing.assert_allclose(weighted(face, training=False)[name], expected, atol=1e-5)


def test_weighted_pooling_distinguishes_positions(small: keras.Model) -> None:
    weighted = build(replace(SMALL, architecture="asmnet-weighted"))
    pools = [la for la in weighted.layers if la.name.startswith("weigh_")]
    assert [tuple(pool.kernel.shape[:2]) for pool in pools] == [(2, 2)] * 6
    more = count(weighted.trainable_weights) - count(small.trainable_weights)
    assert more == 4 * sum(pool.kernel.shape[2] for pool in pools)


def test_weighted_pooling_costs_two_percent_more_parameters(asmnet: keras.Model) -> None:
    weighted = build(Variant("asmnet-weighted"))
    assert count(weighted.weights) - count(asmnet.weights) == 49 * 536  # 7 x 7 cells


def test_weighted_pooling_has_one_input_size() -> None:
    with pytest.raises(UsageError, match="no weights for 96 px"):
        build(replace(SMALL, architecture="asmnet-weighted"), training_resolution=96)


def test_features_are_dropped_while_training(small: keras.Model) -> None:
    dropouts = [la for la in small.layers if isinstance(la, keras.layers.Dropout)]
    assert [dropout.rate for dropout in dropouts] == [DROPOUT]


def test_weights_are_random_and_follow_the_seed() -> None:
    def first_weights(seed: int) -> np.ndarray:
        keras.utils.set_random_seed(seed)
        return build(SMALL).get_weights()[0]

    assert (first_weights(1) == first_weights(1)).all()
    assert (first_weights(1) != first_weights(2)).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"architecture": "resnet"},
            "no architecture 'resnet'.*asmnet, asmnet-weighted, mobilenetv2",
        ),
        ({"alpha": 0.4}, "alpha must be one of .*0.35.* got 0.4"),
        ({"input_size": 100}, "must be a multiple of 32, got 100"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Variant(**wrong)


@pytest.mark.parametrize("wrong", [{"input_size": 0}, {"input_size": -32}, {"points": 0}])
def test_a_variant_without_extent_is_refused(wrong: dict) -> None:
    with pytest.raises(UsageError):
        Variant(**wrong)
