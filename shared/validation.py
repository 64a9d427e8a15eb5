"""What pydantic found wrong, as a person is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PREFIX = "Value error, "
"""What pydantic puts before the message of a validator of ours, which says all by itself."""


def said(wrong: ErrorDetails) -> str:
    """What is wrong, without where."""
    return wrong["msg"].removeprefix(_PREFIX)
