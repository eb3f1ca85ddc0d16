"""The runtimes there are: which package each is, what it runs, how to get it.

A new runtime is one line here and a backend in `runtime.backend`. Nothing is imported from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import util


@dataclass(frozen=True)
class Runtime:
    """One runtime.

    label : as people call it; package : as pip and ``--runtimes`` do; module : what is imported
    suffixes : of the files that it runs; cure : how to get it, empty where it is no advice
    proof : program that ends well where it works
    """

    label: str
    package: str
    module: str
    suffixes: tuple[str, ...]
    cure: str = ""
    proof: str = ""

    @property
    def is_there(self) -> bool:
        """Whether it is installed; it is not imported for that."""
        return util.find_spec(self.module.partition(".")[0]) is not None


# the usual one for a suffix comes before others that run it too
RUNTIMES = (
    Runtime(
        "LiteRT",
        "ai-edge-litert",
        "ai_edge_litert.interpreter",
        (".tflite",),
        "pip install ai-edge-litert",
        "from ai_edge_litert.interpreter import Interpreter",
    ),
    Runtime(
        "tflite-runtime",
        "tflite-runtime",
        "tflite_runtime.interpreter",
        (".tflite",),
        proof="from tflite_runtime.interpreter import Interpreter",
    ),
    Runtime(
        "ONNX Runtime",
        "onnxruntime",
        "onnxruntime",
        (".onnx",),
        "pip install 'asmnet-edge[onnx]'",
        "import onnxruntime as o; assert 'CPUExecutionProvider' in o.get_available_providers()",
    ),
    Runtime(
        "OpenVINO",
        "openvino",
        "openvino",
        (".xml", ".onnx"),
        "pip install 'asmnet-edge[openvino]'",
        "import openvino as o; assert 'CPU' in o.Core().available_devices",
    ),
)
# has a TFLite interpreter of its own: the last resort, too heavy to be anyone's choice
TENSORFLOW = Runtime("TensorFlow", "tensorflow", "tensorflow.lite.python.interpreter", (".tflite",))


def runtimes_of(suffix: str) -> tuple[Runtime, ...]:
    """All that run files of that ``suffix``, the usual one first."""
    return tuple(runtime for runtime in RUNTIMES if suffix in runtime.suffixes)
