"""A block: what the parsers in the sandbox hand over, one per line of JSON. It is data made from an untrusted file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A heading, a paragraph, a list item, a table or preformatted lines, in reading order.

    ``lines`` are lines as printed; a table has ``rows`` instead. ``level`` is a heading's depth (1 is the top) where the format
    says it; a PDF says only ``size`` (points) and ``bold``. ``band`` marks what stands at the top or bottom edge of its page.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["heading", "paragraph", "item", "table", "code"]
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    level: int = Field(default=0, ge=0, le=9)
    page: int | None = Field(default=None, ge=1)
    size: float = 0
    bold: bool = False
    band: Literal["", "top", "bottom"] = ""
