"""The inference graph: folded batch norms, the contract's units, and honest counts."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.tools import flatbuffer_utils
from keras import layers

from asmnet_edge.converters import graph as graphs
from asmnet_edge.converters.folding import fold_batch_norms
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.model_facts import PixelScaling


@pytest.fixture(scope="module")
def folded(model: FloatModel) -> keras.Model:
    return fold_batch_norms(model.network)


def norms_of(network: keras.Model) -> list[layers.Layer]:
    return [n for n in network.layers if isinstance(n, layers.BatchNormalization)]


def test_one_convolution_by_hand() -> None:
    # g (w x - m) / sqrt(v + e) + b = 3 (2 x - 1) / 2 + 5 = 3 x + 3.5
    network = keras.Sequential([
        keras.Input((4, 4, 1)),
        layers.Conv2D(1, 1, use_bias=False, name="conv"),
        layers.BatchNormalization(epsilon=0.5, name="norm"),
    ])  # fmt: skip
    network = keras.Model(network.inputs, network.outputs)
    network.get_layer("conv").set_weights([np.full((1, 1, 1, 1), 2.0)])
    network.get_layer("norm").set_weights([np.array([v]) for v in (3.0, 5.0, 1.0, 3.5)])
    kernel, bias = fold_batch_norms(network).get_layer("conv").get_weights()
    assert (kernel.item(), bias.item()) == (3.0, 3.5)


def test_depthwise_channels_are_scaled_one_by_one() -> None:
    inputs = keras.Input((6, 6, 3))
    hidden = layers.DepthwiseConv2D(3, use_bias=False)(inputs)
    network = keras.Model(inputs, layers.BatchNormalization(name="norm")(hidden))
    rng = np.random.default_rng(0)
    network.get_layer("norm").set_weights([rng.uniform(0.2, 3, 3) for _ in range(4)])
    picture = rng.normal(size=(1, 6, 6, 3))
    np.testing.assert_allclose(fold_batch_norms(network)(picture), network(picture), atol=1e-5)


def test_the_models_norms_are_not_trivial(model: FloatModel) -> None:
    for norm in norms_of(model.network):
        gamma, beta, mean, variance = norm.get_weights()
        assert (gamma != 1).any()
        assert (beta != 0).any()
        assert (mean != 0).any()
        assert (variance != 1).any()


def test_folding_keeps_the_outputs(
    model: FloatModel, folded: keras.Model, crops: np.ndarray
) -> None:
    for crop in PixelScaling().apply(crops):
        ours, theirs = folded(crop[None]), model.network(crop[None], training=False)
        for output in ("landmarks", "pose"):
            np.testing.assert_allclose(ours[output], theirs[output], atol=1e-5)


def test_no_norm_is_left(model: FloatModel, folded: keras.Model) -> None:
    channels = sum(norm.get_weights()[0].size for norm in norms_of(model.network))
    assert not norms_of(folded)
    # four numbers a channel go, a bias comes
    assert folded.count_params() == model.network.count_params() - 3 * channels


def test_the_graph_is_the_model_in_the_contracts_units(
    model: FloatModel, graph: InferenceGraph, crops: np.ndarray
) -> None:
    landmarks, pose = graph.run(crops[:1])
    expected, expected_pose = model.predict(crops[:1])
    assert (landmarks.shape, pose.shape) == ((68, 2), (3,))
    np.testing.assert_allclose(landmarks, expected[0], atol=1e-5)
    np.testing.assert_allclose(pose, expected_pose[0], atol=1e-3)


def test_making_the_graph_leaves_the_model_alone(model: FloatModel) -> None:
    before = [weights.copy() for weights in model.network.get_weights()]
    assert InferenceGraph(model).frozen
    for ours, theirs in zip(model.network.get_weights(), before, strict=True):
        assert (ours == theirs).all()


def test_the_graph_has_constants_for_weights(graph: InferenceGraph) -> None:
    operations = {node.op for node in graph.frozen.graph.as_graph_def().node}
    assert "Const" in operations
    assert not {o for o in operations if "Variable" in o or "FusedBatchNorm" in o}


def test_the_saved_model_names_what_the_contract_names(graph: InferenceGraph) -> None:
    with graph.saved_model() as folder:
        signature = tf.saved_model.load(folder).signatures["serving_default"]
        assert signature.structured_input_signature[1].keys() == {"image"}
        assert signature.structured_outputs.keys() == {"landmarks", "pose"}


def test_parameters_are_the_float_networks(graph: InferenceGraph, model: FloatModel) -> None:
    assert graph.parameters == sum(weights.size for weights in model.network.get_weights())


def test_multiply_adds_are_those_of_the_exported_file(graph: InferenceGraph) -> None:
    exported = flatbuffer_utils.read_model_from_bytearray(bytearray(graph.float_tflite))
    subgraph, total = exported.subgraphs[0], 0
    for operator in subgraph.operators:
        kind = flatbuffer_utils.opcode_to_name(exported, operator.opcodeIndex)
        kernel = subgraph.tensors[operator.inputs[1]].shape if len(operator.inputs) > 1 else ()
        places = subgraph.tensors[operator.outputs[0]].shape[1:3]
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            total += int(np.prod(places)) * int(np.prod(kernel))
        elif kind == "FULLY_CONNECTED":
            total += int(np.prod(kernel))
    assert graph.multiply_adds == total


def settled(network: keras.Model) -> keras.Model:
    rng = np.random.default_rng(0)
    network.set_weights([w + rng.uniform(0.1, 0.5, w.shape) for w in network.get_weights()])
    return network


def test_only_norms_right_after_a_linear_layer_are_folded() -> None:
    image = keras.Input((8, 8, 3))
    hidden = layers.BatchNormalization(name="of_image")(image)
    shared = layers.Conv2D(4, 3, name="shared")(hidden)
    hidden = layers.Add()([layers.BatchNormalization(name="beside")(shared), shared])
    hidden = layers.Conv2D(4, 1, activation="relu")(hidden)
    hidden = layers.BatchNormalization(name="after_relu")(layers.PReLU()(hidden))
    hidden = layers.DepthwiseConv2D(3, depth_multiplier=2)(hidden)
    hidden = layers.BatchNormalization(name="of_depthwise", scale=False)(hidden)
    hidden = layers.SeparableConv2D(4, 3, use_bias=False)(hidden)
    hidden = layers.Flatten()(layers.Conv2D(4, 1, use_bias=False)(hidden))
    hidden = layers.Dense(5)(hidden)
    network = settled(keras.Model(image, layers.BatchNormalization(name="of_dense")(hidden)))
    folded = fold_batch_norms(network)
    assert {norm.name for norm in norms_of(folded)} == {"of_image", "beside", "after_relu"}
    picture = np.random.default_rng(1).normal(size=(1, 8, 8, 3))
    expected = network(picture, training=False)
    np.testing.assert_allclose(folded(picture, training=False), expected, rtol=1e-4)


def test_heads_that_are_no_linear_layers_are_scaled_after_them(model: FloatModel) -> None:
    image = keras.Input((96, 96, 3))
    features = layers.GlobalAveragePooling2D()(image)
    landmarks = layers.Dense(136, activation="tanh")(features)
    heads = {"landmarks": landmarks, "pose": layers.Dense(3)(landmarks)}
    other = replace(model, network=settled(keras.Model(image, heads)))
    crop = np.full((1, 96, 96, 3), 150, np.uint8)
    for ours, theirs in zip(InferenceGraph(other).run(crop), other.predict(crop), strict=True):
        np.testing.assert_allclose(ours, theirs[0], rtol=1e-4, atol=1e-5)


def test_a_graph_that_computes_something_else_is_caught(
    model: FloatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget_norms(network: keras.Model) -> keras.Model:
        folded = fold_batch_norms(network)
        first = next(n for n in folded.layers if isinstance(n, layers.Conv2D))
        first.set_weights([weights * 1.5 for weights in first.get_weights()])
        return folded

    monkeypatch.setattr(graphs, "fold_batch_norms", forget_norms)
    with pytest.raises(CheckFailedError, match="landmarks are off by .* from the float model's"):
        assert InferenceGraph(model).frozen
