"""The ``asmnet-edge`` command: a group of commands, each imported only when it is run."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

import asmnet_edge
from asmnet_edge.errors import AsmnetEdgeError
from asmnet_edge.io.system import limit_blas_threads


class Verbs(click.Group):
    """A group whose commands are ``command`` in the modules ``asmnet_edge.cli.<prefix><verb>``.

    verbs : name and one line of help for each; ``-`` in a name is ``_`` in its module
    modules : for verbs that share a module, its name; there the command has the verb's name
    """

    def __init__(
        self,
        *arguments: Any,
        verbs: Mapping[str, str],
        prefix: str = "",
        modules: Mapping[str, str] = MappingProxyType({}),
        **options: Any,
    ):
        super().__init__(*arguments, **options)
        self._verbs, self._prefix, self._modules = verbs, prefix, modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._verbs:
            return None
        verb = cmd_name.replace("-", "_")
        shared = self._modules.get(cmd_name)
        module = importlib.import_module(f"asmnet_edge.cli.{shared or self._prefix + verb}")
        command: click.Command = getattr(module, verb if shared else "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._verbs.items()))


# command -> one line of help; its module is imported only when the command is run
VERBS = {
    "predict": "Find faces, landmarks and pose in pictures, videos and cameras.",
    "convert": "Convert a float model to TFLite, ONNX and OpenVINO, float32 or int8.",
    "inspect": "Show contract, precision, accuracy and origin of a model file.",
    "verify": "Check hash, contract and parity of artifacts on this machine.",
    "benchmark": "Measure latency, size and accuracy of artifacts, compared with the float model.",
    "evaluate": "Measure the accuracy of a model on annotated faces, for each subset.",
    "sensitivity": "Show which blocks of a float model lose most accuracy in int8.",
    "train": "Train a float model on annotated faces.",
    "import-h5": "Convert a model of ASMNet's authors (Keras 2, .h5) to a float model.",
    "import-keras": "Convert a landmark network of your own (Keras 3) to a float model.",
    "data": "Inspect, check and pack annotated faces.",
    "shape": "Fit a shape model to annotated faces and draw its modes.",
    "bundle": "Pack program, model and scripts into one archive for a device.",
    "doctor": "Check installation, CPU, cameras and state of this machine.",
}


# verbs that share a module
MODULES = {"import-h5": "import_models", "import-keras": "import_models"}


# their files depend on the last digits of sums, which differ between numbers of BLAS threads
KEEP_BLAS_THREADS = ("convert", "sensitivity", "shape", "train")


@click.group(cls=Verbs, verbs=VERBS, modules=MODULES,
             context_settings={"help_option_names": ["-h", "--help"]})  # fmt: skip
@click.version_option(asmnet_edge.__version__, prog_name="asmnet-edge")
def cli() -> None:
    """Face landmarks and head pose on edge devices: train, convert to int8, measure, run.

    For a first result, run: asmnet-edge predict --sample
    """


def main() -> None:
    """Run the command and print an error of ours as one line.

    Exit codes: 0 done, 1 a check failed, 2 wrong usage, 130 interrupted.
    """
    if sys.argv[1:2] not in [[verb] for verb in KEEP_BLAS_THREADS]:
        limit_blas_threads()
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
