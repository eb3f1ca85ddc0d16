"""The formats that come with the package. Nothing here imports their packages."""

from __future__ import annotations

from asmnet_edge.formats.spec import USUAL_PRECISIONS, FormatSpec, Precision, Runtime

AI_EDGE_LITERT = Runtime(
    label="LiteRT",
    package="ai-edge-litert",
    module="ai_edge_litert.interpreter",
    backend="asmnet_edge.runtime.backends.litert:load_in_ai_edge_litert",
    cure="pip install ai-edge-litert",
    proof="from ai_edge_litert.interpreter import Interpreter",
)
TFLITE_RUNTIME = Runtime(
    label="tflite-runtime",
    package="tflite-runtime",
    module="tflite_runtime.interpreter",
    backend="asmnet_edge.runtime.backends.litert:load_in_tflite_runtime",
    proof="from tflite_runtime.interpreter import Interpreter",
)
ONNX_RUNTIME = Runtime(
    label="ONNX Runtime",
    package="onnxruntime",
    module="onnxruntime",
    backend="asmnet_edge.runtime.backends.onnx_runtime:load",
    cure="pip install 'asmnet-edge[onnx]'",
    proof="import onnxruntime as o; assert 'CPUExecutionProvider' in o.get_available_providers()",
)
OPENVINO_RUNTIME = Runtime(
    label="OpenVINO",
    package="openvino",
    module="openvino",
    backend="asmnet_edge.runtime.backends.openvino:load",
    cure="pip install 'asmnet-edge[openvino]'",
    proof="import sys; sys.modules['openvino_telemetry'] = None; import openvino as o; "
    "assert 'CPU' in o.Core().available_devices",
)
# brings a TFLite interpreter, too: the last resort, too heavy to be recommended
TENSORFLOW = Runtime(
    label="TensorFlow",
    package="tensorflow",
    module="tensorflow.lite.python.interpreter",
    backend="asmnet_edge.runtime.backends.litert:load",
)

TFLITE = FormatSpec(
    name="tflite",
    label="TFLite",
    suffix=".tflite",
    precisions=(*USUAL_PRECISIONS, Precision.INT8_IO),
    runtimes=(AI_EDGE_LITERT, TFLITE_RUNTIME),
    backend="asmnet_edge.runtime.backends.litert:load",
    exporter="asmnet_edge.converters.tflite.tflite_exporter:TFLiteExporter",
    inspector="asmnet_edge.converters.tflite.tflite_inspector:INSPECTOR",
    packages=("tensorflow", "keras", "ai_edge_quantizer"),
    cost=5.0,
    network="asmnet_edge.benchmarks.foreign_models:open_tflite",
)
ONNX = FormatSpec(
    name="onnx",
    label="ONNX",
    suffix=".onnx",
    precisions=USUAL_PRECISIONS,
    runtimes=(ONNX_RUNTIME, OPENVINO_RUNTIME),
    backend="asmnet_edge.runtime.backends.onnx_runtime:load",
    exporter="asmnet_edge.converters.onnx.onnx_exporter:OnnxExporter",
    inspector="asmnet_edge.converters.onnx.onnx_inspector:INSPECTOR",
    packages=("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"),
    cost=15.0,
    validator="asmnet_edge.runtime.backends.onnx_runtime:refuse_external_data",
    simulation="asmnet_edge.converters.onnx.onnx_saturation:load_simulated",
    simulation_package="onnx",
    saturation="asmnet_edge.converters.checks.arithmetic:onnx_runtime_saturates",
    network="asmnet_edge.benchmarks.foreign_models:open_onnx",
)
OPENVINO = FormatSpec(
    name="openvino",
    label="OpenVINO IR",
    suffix=".xml",
    companions=(".bin",),
    precisions=USUAL_PRECISIONS,
    runtimes=(OPENVINO_RUNTIME,),
    backend="asmnet_edge.runtime.backends.openvino:load",
    exporter="asmnet_edge.converters.openvino.openvino_exporter:OpenVinoExporter",
    inspector="asmnet_edge.converters.openvino.openvino_inspector:INSPECTOR",
    packages=("tensorflow", "keras", "openvino", "nncf"),
    cost=60.0,
    simulation="asmnet_edge.converters.openvino.openvino_saturation:load_simulated",
    simulation_package="openvino",
    saturation="asmnet_edge.converters.checks.arithmetic:openvino_saturates",
    network="asmnet_edge.benchmarks.foreign_models:open_openvino",
)
