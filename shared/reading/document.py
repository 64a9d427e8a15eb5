"""``ExtractedDocument``: one plain text, and where in it each page and each heading begins."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from pydantic import Field, model_validator

from schemas.base import SCHEMA_VERSION, Contract, Sha256

EXTRACTOR = "kimera-reading"
EXTRACTOR_VERSION = "1"
"""Raise it with every change that alters the text of any document: it is part of the cache key, and of each citation."""


class Span(Contract):
    """A stretch of the text (code points, end exclusive) that lies on one page and under one heading path."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    page: int | None = None
    heading_path: tuple[str, ...] = ()


CELL_BREAK = " | "
"""What stands between the cells of a table's row in the text."""


class ExtractedTable(Contract):
    """A table as it was found: rows of cells, the first row often being the header."""

    rows: tuple[tuple[str, ...], ...]
    page: int | None = None
    caption: str = ""


class ExtractedDocument(Contract):
    """What a document says. It depends on the file's bytes and the extractor's version only, so it is cached by both.

    ``spans`` follow each other without overlap and cover all of ``text`` but the blank lines between blocks. ``date`` and ``title``
    come from the file's own metadata or its first heading; ``None`` where it has none. ``flags``: ``pages_without_text``,
    ``truncated``, ``pages_unread``.
    """

    schema_version: int = SCHEMA_VERSION
    sha256: Sha256
    media_type: str
    title: str | None = None
    date: str | None = None
    pages: int | None = None
    text: str
    text_sha256: Sha256
    spans: tuple[Span, ...] = ()
    tables: tuple[ExtractedTable, ...] = ()
    flags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extractor: str = EXTRACTOR
    extractor_version: str = EXTRACTOR_VERSION

    @model_validator(mode="after")
    def _spans_in_order(self) -> ExtractedDocument:
        at = 0
        for span in self.spans:
            if not at <= span.start <= span.end <= len(self.text):
                raise ValueError("spans have to lie in the text, in order and without overlap")
            at = span.end
        return self

    @cached_property
    def _starts(self) -> list[int]:
        return [span.start for span in self.spans]

    def span_at(self, offset: int) -> Span | None:
        """The span that holds ``offset``, or the last one before it."""
        index = bisect_right(self._starts, offset) - 1
        return self.spans[index] if index >= 0 else None
