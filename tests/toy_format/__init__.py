"""A whole format as a package of its own would bring it: an ``.npz`` file that NumPy computes.

One folder and one line that registers it; this is the line (see `asmnet_edge.formats.registry`)::

    [project.entry-points."asmnet_edge.formats"]
    toy = "toy_format:SPEC"

This module is imported to list formats, so it imports neither NumPy nor Keras.
"""

from asmnet_edge.formats import FormatSpec, Precision, Runtime

NUMPY = Runtime("NumPy", "numpy", "numpy", "toy_format.backend:load", "pip install numpy")

SPEC = FormatSpec(
    name="toy",
    label="Toy",
    suffix=".toy",
    precisions=(Precision.FLOAT32, Precision.INT8),
    runtimes=(NUMPY,),
    backend="toy_format.backend:load",
    exporter="toy_format.exporter:ToyExporter",
    inspector="toy_format.inspector:INSPECTOR",
    packages=("tensorflow", "keras"),
)
