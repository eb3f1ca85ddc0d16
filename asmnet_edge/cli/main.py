"""The ``asmnet-edge`` command: runs a subcommand; prints an error as one line."""

from __future__ import annotations

import sys

import click

import asmnet_edge
from asmnet_edge.cli.verbs import Verbs
from asmnet_edge.errors import AsmnetEdgeError

# command -> one line of help; its module is imported only when the command is run
VERBS = {
    "predict": "Find faces, landmarks and pose in pictures, videos and cameras.",
    "convert": "Convert a float model to TFLite, ONNX and OpenVINO, float32 or int8.",
    "inspect": "Show the contract, precision, accuracy cost and origin of a model file.",
    "verify": "Check artifacts on this machine: hash, contract, parity.",
    "benchmark": "Measure latency, size and accuracy of artifacts, compared with the float model.",
    "evaluate": "Measure the accuracy of a model on annotated faces, for each subset.",
    "sensitivity": "Show which blocks of a float model lose most accuracy in int8.",
    "train": "Train a float model on annotated faces.",
    "import-h5": "Convert an official ASMNet model (Keras 2, .h5) to a float model.",
    "import-keras": "Convert a landmark network of your own (Keras 3) to a float model.",
    "data": "Show, check and pack annotated faces.",
    "shape": "Fit a shape model to annotated faces and draw its modes.",
    "bundle": "Pack an archive for a device: wheel, model, scripts, checksums.",
    "doctor": "Check what is installed, what this machine accelerates, and its state.",
}


# verbs that share a module
MODULES = {"import-h5": "import_models", "import-keras": "import_models"}


@click.group(cls=Verbs, verbs=VERBS, modules=MODULES,
             context_settings={"help_option_names": ["-h", "--help"]})  # fmt: skip
@click.version_option(asmnet_edge.__version__, prog_name="asmnet-edge")
def cli() -> None:
    """Face landmarks and head pose on edge devices: train, convert to int8, measure, run.

    To see a result at once: asmnet-edge predict --sample
    """


def main() -> None:
    """Run the command. Exit codes: 0 done, 1 a check failed, 2 wrong usage, 130 interrupted."""
    try:
        cli.main(prog_name="asmnet-edge", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except AsmnetEdgeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
