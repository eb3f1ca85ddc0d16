"""Fresh process of `worker.cold_start`: start, import, load, first landmark."""

from time import monotonic  # before anything else

STARTED = monotonic()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402


def first_landmark(question: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds since the parent started this process, part by part."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import numpy as np

    from asmnet_edge.benchmarks.cases import Case
    from asmnet_edge.benchmarks.model_loading import open_model
    from asmnet_edge.geometry.crop import CropRule

    _import_runtime(question)
    imported = monotonic()
    path, cpus = Path(question["path"]), tuple(question["cpus"])
    model = open_model(Case(path, question["threads"], question["runtime"], cpus, compared=False))
    loaded = monotonic()
    rule: CropRule = model.crop
    model.backend.run(np.zeros((1, rule.size, rule.size, 3), np.uint8))
    end, begun = monotonic(), question["started"]
    return {
        "python_ms": 1e3 * (STARTED - begun),
        "import_ms": 1e3 * (imported - STARTED),
        "load_ms": 1e3 * (loaded - imported),
        "first_ms": 1e3 * (end - loaded),
        "total_ms": 1e3 * (end - begun),
    }


def _import_runtime(question: dict[str, Any]) -> None:
    """Import the runtime, which is not counted as loading; errors are left to `open_model`."""
    import importlib

    from asmnet_edge.formats import FLOAT_SUFFIX, runtimes_of
    from asmnet_edge.io.system import block_usage_reports

    path, package = Path(question["path"]), question["runtime"]
    modules = [r.module for r in runtimes_of(path) if package in (None, r.package)]
    if path.suffix == FLOAT_SUFFIX:
        modules = ["keras"]
    block_usage_reports()
    try:
        importlib.import_module(modules[0] if modules else "numpy")
    except ImportError:
        return


def peak_rss_mib(status: Path = Path("/proc/self/status")) -> float | None:
    """Peak memory of this process alone, else that of `getrusage`; None where both are missing.

    `getrusage` may count the parent's memory before the exec, in KiB, or in bytes on a Mac.
    """
    try:
        lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return float(lines[0].split()[1]) / 1024
    except (OSError, LookupError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (2**20 if sys.platform == "darwin" else 1024)


def installed() -> dict[str, int]:
    """Bytes of each installed package that has been imported."""
    from importlib import metadata

    owners = metadata.packages_distributions()
    tops = {name.split(".")[0] for name in sys.modules}
    names = {owner for top in tops for owner in owners.get(top, ())}
    return {name: _bytes_of(name) for name in sorted(names)}


def _bytes_of(name: str) -> int:
    from importlib import metadata

    files = metadata.files(name) or []
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> None:
    """Answer the question in the first argument on standard output."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    question = json.loads(sys.argv[1])
    found = first_landmark(question)
    found["peak_rss_mib"] = peak_rss_mib()
    packages = installed() if question["sizes"] else {}
    found |= {"packages": packages, "installed_bytes": sum(packages.values())}
    os.write(answers, (json.dumps(found) + "\n").encode())


if __name__ == "__main__":
    main()
