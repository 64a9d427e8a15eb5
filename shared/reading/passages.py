"""Windows of sentences: what is searched, and the frame of what is quoted. A window never crosses a page or a heading."""

from __future__ import annotations

from dataclasses import dataclass

from shared.reading.document import ExtractedDocument, Span
from shared.reading.sentences import sentences

MAX_SENTENCES = 4
MAX_CHARS = 700
MAX_SENTENCE_CHARS = 1_200
"""A longer "sentence" (a table without breaks, text without stops) is cut at a space."""


@dataclass(frozen=True, slots=True)
class Passage:
    """``text[start:end]`` of one document, with its sentences' offsets in that same text."""

    start: int
    end: int
    page: int | None
    heading_path: tuple[str, ...]
    sentences: tuple[tuple[int, int], ...]


def passages(document: ExtractedDocument) -> tuple[Passage, ...]:
    """The document's windows, in order, without overlap. Headings are no sentences: they stand in ``heading_path``."""
    found: list[Passage] = []
    for span in document.spans:
        window: list[tuple[int, int]] = []
        for start, end in _sentences_of(document.text, span):
            if window and (len(window) >= MAX_SENTENCES or end - window[0][0] > MAX_CHARS):
                found.append(_passage(window, span))
                window = []
            window.append((start, end))
        if window:
            found.append(_passage(window, span))
    return tuple(found)


def _passage(window: list[tuple[int, int]], span: Span) -> Passage:
    return Passage(window[0][0], window[-1][1], span.page, span.heading_path, tuple(window))


def _sentences_of(text: str, span: Span) -> list[tuple[int, int]]:
    """The span's sentences as offsets in the whole text, without the heading that opens it."""
    start = span.start
    if span.heading_path and text.startswith(span.heading_path[-1], start):
        after = start + len(span.heading_path[-1])
        if after == span.end or text.startswith("\n", after):
            start = after
    found: list[tuple[int, int]] = []
    for left, right in sentences(text[start : span.end]):
        found.extend(_cut(text, start + left, start + right))
    return found


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    while end - start > MAX_SENTENCE_CHARS:
        space = text.rfind(" ", start + MAX_SENTENCE_CHARS // 2, start + MAX_SENTENCE_CHARS)
        middle = space if space > 0 else start + MAX_SENTENCE_CHARS
        pieces.append((start, middle))
        start = middle + 1 if space > 0 else middle
    pieces.append((start, end))
    return pieces
