"""What ``kimera doctor`` tells of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "note", "missing"]
"""``missing``: something needed is not there, and missions will not run. ``note``: worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: str
    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""
