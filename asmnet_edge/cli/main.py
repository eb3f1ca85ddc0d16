"""The ``asmnet-edge`` command: finds the verb, turns errors into one line and an exit code."""

from __future__ import annotations

import sys

import click

import asmnet_edge
from asmnet_edge.cli.verbs import Verbs
from asmnet_edge.errors import AsmnetEdgeError

# verb -> one line of help; the verb's module is imported only when the verb is run
VERBS = {
    "data": "Inspect, check and pack annotated faces.",
    "shape": "Fit a shape model to annotated faces, and draw its modes.",
    "train": "Train a float model on annotated faces.",
    "import-h5": "Import an official ASMNet model of Keras 2 as a float model.",
    "import-keras": "Import a landmark network of your own as a float model.",
    "evaluate": "Measure a model's accuracy on annotated faces, subset by subset.",
    "convert": "Turn a float model into TFLite, ONNX and OpenVINO, float32 or int8.",
    "sensitivity": "Find out which blocks of a float model int8 costs most.",
    "inspect": "Say what a model file is: contract, precision, what it cost and where it is from.",
    "verify": "Check artifacts again on this machine: hash, contract, parity.",
    "benchmark": "Measure latency, size and accuracy drop of artifacts against the float model.",
    "predict": "Find faces in pictures, videos and cameras, their landmarks and pose.",
    "bundle": "Make one archive for a device: wheel, model, scripts, checksums.",
    "doctor": "Tell what is installed, what works and is quick here, and how the board is.",
}


# verbs that share a module
MODULES = {"import-h5": "import_models", "import-keras": "import_models"}


@click.group(cls=Verbs, verbs=VERBS, modules=MODULES,
             context_settings={"help_option_names": ["-h", "--help"]})  # fmt: skip
@click.version_option(asmnet_edge.__version__, prog_name="asmnet-edge")
def cli() -> None:
    """Face landmarks and head pose on edge devices: train, convert to int8, measure, run."""


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a check failed, 2 wrong use, 130 interrupted."""
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
