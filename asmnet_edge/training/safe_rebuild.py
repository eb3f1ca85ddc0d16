"""Rebuilding of an untrusted Keras network from its description, without executing any of it.

The description is JSON. Every object in it must be on the lists of supported layers below, which
hold nothing but Keras' own arithmetic. The description is rewritten with plain values alone, and
Keras builds that. Lambdas, functions and custom classes are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from asmnet_edge.errors import ModelError

LAYERS = frozenset({
    "InputLayer", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense", "BatchNormalization",
    "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Activation", "Add", "Subtract", "Multiply",
    "Average", "Maximum", "Concatenate", "MaxPooling2D", "AveragePooling2D",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Reshape", "Permute",
    "ZeroPadding2D", "Cropping2D", "UpSampling2D", "Rescaling", "Normalization", "Identity",
    "Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "ActivityRegularization",
})  # fmt: skip
OPERATIONS_FROM = "keras.src.ops.numpy"
OPERATIONS = frozenset({"Add", "Subtract", "Multiply", "TrueDivide", "Divide"})  # such as x + 3
CONTAINERS = {"Functional": "keras.src.models.functional", "Sequential": "keras"}
ACTIVATIONS = frozenset({
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "hard_sigmoid",
    "hard_silu", "hard_swish", "sigmoid", "tanh", "hard_tanh", "softplus", "softsign", "softmax",
    "mish", "exponential",
})  # fmt: skip
LEFT_OUT = ("_initializer", "_regularizer", "_constraint")  # for training only
POLICIES = ("float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
LARGEST = 2**16  # of any whole number: filters, sizes
CURE = (
    "Only Keras' own layers are supported, as nothing in a file is executed: build the network "
    "from those and save it again"
)


def rebuild(description: Any) -> keras.Model:
    """Return the network of ``description``, a parsed ``config.json``, without its weights.

    All layers are float32, whatever precision they were trained with. `ModelError` names what is
    not supported.
    """
    try:
        checked = _object(description)
        if checked["class_name"] not in CONTAINERS:
            raise ModelError(f"a {checked['class_name']} is no network", CURE)
        return keras.saving.deserialize_keras_object(checked, safe_mode=True)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise ModelError(f"its description cannot be built: {line.rstrip('.')}", CURE) from error


def _object(content: Any) -> dict[str, Any]:
    """Description of a layer, operation or network, rewritten with checked values."""
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise ModelError("its description has no layer where one belongs", CURE)
    kind, config = content.get("class_name"), content["config"]
    module = _module(content)
    written = {"registered_name": None, "class_name": kind, "module": module}
    written["config"] = _config(module, str(kind), config)
    if "inbound_nodes" not in content:
        return written
    name = _name(content["name"])
    calls = [_call(name, call) for call in content["inbound_nodes"]]
    return {**written, "name": name, "inbound_nodes": calls}


def _module(content: Mapping[str, Any]) -> str:
    """Module in which Keras has the object; `ModelError` when it is not on the lists above."""
    kind, module = str(content.get("class_name")), str(content.get("module"))
    registered = content.get("registered_name")
    if registered in (None, kind) and (module == "keras" or module.startswith("keras.")):
        if kind in LAYERS and ".ops." not in module:
            return "keras.layers"
        if kind in CONTAINERS:
            return CONTAINERS[kind]
        if kind in OPERATIONS and module == OPERATIONS_FROM:
            return module
    raise ModelError(f"it has a {registered or kind} of {module}, {_refusal(content)}", CURE)


def _refusal(content: Mapping[str, Any]) -> str:
    return f"named {content['config'].get('name', '?')!r}, which is not supported"


def _config(module: str, kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    if kind in CONTAINERS:
        return _network(config)
    return _layer(kind, config) if module == "keras.layers" else {"name": _name(config["name"])}


def _network(config: Mapping[str, Any]) -> dict[str, Any]:
    written = {"name": _name(config["name"]), "layers": [_object(c) for c in config["layers"]]}
    plain = ("input_layers", "output_layers", "build_input_shape")
    return written | {key: _ends(config[key]) for key in plain if key in config}


def _ends(value: Any) -> Any:
    """Names and numbers, in lists and dictionaries of names, checked."""
    if isinstance(value, dict):
        return {_name(key): _ends(one) for key, one in value.items()}
    return [_ends(one) for one in value] if isinstance(value, list) else _plain("ends", value)


def _layer(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for key, value in config.items():
        if key == "dtype":
            _check_precision(kind, value)
        elif key == "activation":
            written[key] = _activation(kind, value)
        elif not key.endswith(LEFT_OUT):
            written[key] = _plain(f"{key} of {kind}", value)
    if written.get("data_format") == "channels_first":
        raise ModelError(f"its {kind} has channels first", "Build it with channels last")
    return written | {"dtype": "float32"}


def _check_precision(kind: str, value: Any) -> None:
    name = value.get("config", {}).get("name") if isinstance(value, dict) else value
    policy = not isinstance(value, dict) or value.get("class_name") in ("DTypePolicy", "Policy")
    if value is not None and not (policy and name in POLICIES):
        cure = "Import the network as it was before it was quantised"
        raise ModelError(f"its {kind} computes in {name}, expected floating point", cure)


def _activation(kind: str, value: Any) -> str:
    if value is None:
        return "linear"
    if isinstance(value, str) and value in ACTIVATIONS:
        return value
    raise ModelError(f"its {kind} has {_function(value)} for activation, not one of Keras'", CURE)


def _function(value: Any) -> str:
    """Short phrase for a function as Keras describes it: its name, or "a lambda"."""
    if isinstance(value, dict) and "value" in value:
        return "a lambda"
    return str(value.get("config") if isinstance(value, dict) else value)[:60]


def _plain(what: str, value: Any) -> Any:
    """Numbers, strings and lists of them; a small array in Keras' notation becomes a list."""
    if isinstance(value, list):
        return [_plain(what, one) for one in value]
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tuple__"):
        return _plain(what, value["config"]["value"])
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int) and abs(value) <= LARGEST:
        return value
    raise ModelError(f"the {what} is {str(value)[:60]}, which is no plain value", CURE)


def _call(name: str, call: Any) -> dict[str, Any]:
    """Arguments of a layer's call: tensors and plain values."""
    if not isinstance(call, dict):
        raise ModelError("it was written by Keras 2", "Save it with Keras 3")
    arguments = [_argument(name, value) for value in call["args"]]
    options = {str(k): _argument(name, value) for k, value in call["kwargs"].items()}
    return {"args": arguments, "kwargs": options}


def _argument(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_argument(name, one) for one in value]
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return _argument(name, value["config"]["value"])
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return {"class_name": "__keras_tensor__", "config": _tensor(name, value["config"])}
    return _plain(f"argument of {name}", value)


def _tensor(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("shape", "dtype", "keras_history")
    return {key: _plain(f"argument of {name}", config[key]) for key in keys if key in config}


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ModelError(f"its description has the name {str(name)[:60]!r}", CURE)
    return name
