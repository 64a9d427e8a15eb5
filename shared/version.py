"""This version of KIMERA."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("kimera")
    except PackageNotFoundError:
        return "0.1.0"  # run from sources that were not installed, as a deployed function is


VERSION = _installed()
