"""Packages of the wheel, found in the tree; everything else stands in pyproject.toml.

``converters/`` and ``benchmarks/`` lie at the top of the checkout and are imported as
``asmnet_edge.converters`` and ``asmnet_edge.benchmarks``.
"""

from setuptools import find_packages, setup

# package -> its folder in the checkout; packages below it are found
ROOTS = {
    "asmnet_edge": "asmnet_edge",
    "asmnet_edge.benchmarks": "benchmarks",
    "asmnet_edge.converters": "converters",
}
SCRIPTS = {"asmnet_edge.raspberry_pi": "scripts/raspberry_pi"}  # no modules: shell scripts


def packages() -> list[str]:
    """Return the dotted names of all packages, without tests, docs and build folders."""
    below = (f"{root}.{name}" for root, folder in ROOTS.items() for name in find_packages(folder))
    return sorted([*ROOTS, *below, *SCRIPTS])


setup(packages=packages(), package_dir={**ROOTS, **SCRIPTS})
