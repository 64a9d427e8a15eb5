"""Whether a script's figures can come from the data at all, as far as its text tells.

No proof: Python can hide a figure in a hundred ways. It takes the word "verified" from what a model wrote down instead of calculating.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeGuard

TELLING_DIGITS = 5
"""Significant digits from which a recorded figure that stands in the code is no coincidence: years and thresholds have fewer."""


def not_from_data(code: str, figures: Iterable[object]) -> str:
    """Why the recorded figures are not calculated from the data; empty where nothing says so."""
    nodes = list(ast.walk(ast.parse(code)))
    if not any(isinstance(node, ast.Name) and node.id == "inputs" for node in nodes):
        return "The code reads none of the files."
    constants = [n.value for n in nodes if isinstance(n, ast.Constant)]
    written = {float(c) for c in constants if _is_figure(c) and _telling(float(c))}
    if any(_is_figure(f) and abs(float(f)) in written for f in figures):
        return "A figure that was recorded stands in the code itself."
    return ""


def _is_figure(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < sys.float_info.max


def _telling(number: float) -> bool:
    digits = "".join(str(d) for d in Decimal(repr(number)).as_tuple().digits)
    return len(digits.strip("0")) >= TELLING_DIGITS
