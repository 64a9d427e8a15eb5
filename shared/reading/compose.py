"""Blocks into one plain text with spans. Pure: the same blocks give the same text, so offsets stay true for ever.

The rules, for all formats: a block is one line, blocks are parted by a blank line, list items, table rows and code lines by a line
break; cells by `` | ``. Printed lines are joined by a space. A hyphen at a line's end goes if the document writes the joined word
elsewhere, or nowhere writes it with the hyphen. Running headers, footers and page numbers are left out. A paragraph that a page break
cuts is joined. Whoever cites, cites this text: nothing is changed after it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.reading.blocks import Block
from shared.reading.document import CELL_BREAK, ExtractedTable, Span

_WORD_HYPHEN = re.compile(r"([^\W\d_]+)-$")
_LONGEST_WORD = 100
"""Characters at a line's end that are looked at for a word with a hyphen."""
_WORD = re.compile(r"[^\W\d_]+")
_HYPHENATED = re.compile(r"(?<![^\W\d_])[^\W\d_]++-[^\W\d_]+")
"""From a word's first letter on, and none given back: a text that is one word is looked through once."""
_PAGE_NUMBER = re.compile(r"(?:page|seite|p\.|s\.)?\W*#(?:\s*(?:of|von|/)\s*#)?\W*$")
_PAGE_NUMBER_CHARS = 60
"""A longer line holds other numbers; of thousands each could be the page's."""
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\.?\s+[^\W\d_a-zà-ÿ]")
_LEADERS = re.compile(r"(?:\.\s?){4,}|…{2,}")
_CAPTION = re.compile(r"(?:table|tabelle|tab\.)\s*\w", re.IGNORECASE)
_ENDS = (".", "!", "?", ":", ";", '"', "”", "“", "»", ")", "…")
_MIN_REPEATS = 3
_HEADING_CHARS = 120


@dataclass(frozen=True, slots=True)
class Composed:
    """The text, its spans and tables, and what was left out."""

    text: str
    spans: tuple[Span, ...]
    tables: tuple[ExtractedTable, ...]
    warnings: tuple[str, ...]
    first_heading: str | None


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    kind: str
    page: int | None
    level: int = 0


def compose(blocks: Sequence[Block]) -> Composed:
    """The document's text. Headings of a PDF are recognised by size, weight and numbering."""
    blocks, warnings = _without_furniture(blocks)
    hyphens = _Hyphens(blocks)
    body = _body_size(blocks)
    sizes = sorted({b.size for b in blocks if b.size >= body * 1.12}, reverse=True)
    pieces = [piece for block in blocks for piece in _pieces(block, hyphens, body, sizes)]
    text, spans, first = _assemble(_joined_over_pages(pieces, hyphens))
    return Composed(text, spans, _tables(blocks), warnings, first)


class _Hyphens:
    """Decides whether the hyphen at a line's end belongs to the word."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._words: set[str] = set()
        self._hyphenated: set[str] = set()
        for block in blocks:
            for line in block.lines:
                folded = line.casefold()
                self._words.update(_WORD.findall(folded))
                self._hyphenated.update(_HYPHENATED.findall(folded))

    def join(self, left: str, right: str) -> str:
        """Two printed lines as one."""
        return self.lines((left, right))

    def lines(self, lines: Sequence[str]) -> str:
        """All printed lines of a block as one. However many there are, each is looked at once."""
        joined = [*lines[:1]]
        end = "".join(joined)[-_LONGEST_WORD:]
        for line in lines[1:]:
            kept, gap = self._between(end, line)
            if not kept:
                joined[-1] = joined[-1][:-1]
                end = end[:-1]
            joined.append(gap + line)
            end = f"{end}{gap}{line}"[-_LONGEST_WORD:]
        return "".join(joined)

    def _between(self, left: str, right: str) -> tuple[bool, str]:
        """Whether the last character of a line stays, and what comes between it and the next one."""
        cut = _WORD_HYPHEN.search(left)
        following = _WORD.match(right)
        if not cut or not following or not following.group()[0].islower():
            return True, " "
        first, second = cut.group(1).casefold(), following.group().casefold()
        return first + second not in self._words and f"{first}-{second}" in self._hyphenated, ""


def _without_furniture(blocks: Sequence[Block]) -> tuple[list[Block], tuple[str, ...]]:
    """The blocks without running headers, footers and page numbers."""
    pages = len({b.page for b in blocks if b.page is not None})
    repeats: Counter[str] = Counter()
    for _, key in {(b.page, _key(b)) for b in blocks if b.band}:
        repeats[key] += 1
    enough = max(_MIN_REPEATS, round(pages * 0.3))
    running = {key for key, count in repeats.items() if count >= enough or (pages > 1 and _is_page_number(key))}
    kept = [b for b in blocks if not (b.band and _key(b) in running)]
    shown = sorted(key for key in running if not _is_page_number(key))
    warnings = tuple(f"left out what repeats at the edge of {repeats[key]} pages: {key[:80]!r}" for key in shown[:10])
    return kept, warnings


def _is_page_number(key: str) -> bool:
    return len(key) <= _PAGE_NUMBER_CHARS and _PAGE_NUMBER.fullmatch(key) is not None


def _key(block: Block) -> str:
    return re.sub(r"\d+", "#", " ".join(block.lines).casefold()).strip()


def _body_size(blocks: Iterable[Block]) -> float:
    """The font size in which most characters are set; 0 where the format knows no sizes."""
    sizes: Counter[float] = Counter()
    for block in blocks:
        if block.kind == "paragraph" and block.size > 0:
            sizes[block.size] += sum(map(len, block.lines))
    return min(sizes, key=lambda size: (-sizes[size], size)) if sizes else 0.0


def _pieces(block: Block, hyphens: _Hyphens, body: float, sizes: list[float]) -> list[_Piece]:
    if block.kind == "table":
        return [_Piece(CELL_BREAK.join(row), "row", block.page) for row in block.rows]
    if block.kind == "code":
        return [_Piece(line, "code", block.page) for line in block.lines]
    text = hyphens.lines(block.lines).strip()
    if not text:
        return []
    if block.kind == "heading":
        return [_Piece(text, "heading", block.page, max(block.level, 1))]
    level = _heading_level(block, text, body, sizes) if block.kind == "paragraph" and body else 0
    return [_Piece(text, "heading" if level else block.kind, block.page, level)]


def _heading_level(block: Block, text: str, body: float, sizes: list[float]) -> int:
    """The depth of a PDF block that looks like a heading, else 0."""
    if (
        len(block.lines) > 3
        or len(text) > _HEADING_CHARS
        or text.endswith((".", ",", ";"))
        or not any(c.isalpha() for c in text)
        or _LEADERS.search(text)
    ):
        return 0
    numbered = _NUMBERED.match(text)
    larger = block.size in sizes
    if not larger and not block.bold and not (numbered and len(block.lines) == 1 and len(text) <= 80):
        return 0
    if block.size < body * 0.95 or (larger and len(block.lines) > 2 and not block.bold and block.size < body * 1.3):
        return 0
    if larger:
        return min(sizes.index(block.size) + 1, 9)
    return min(len(sizes) + 1 + (numbered.group(1).count(".") if numbered else 0), 9)


def _joined_over_pages(pieces: list[_Piece], hyphens: _Hyphens) -> list[_Piece]:
    """A paragraph whose end stands on the next page becomes one piece; it counts to the page where it begins."""
    joined: list[_Piece] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.kind == piece.kind == "paragraph"
            and before.page is not None
            and piece.page == before.page + 1
            and not before.text.endswith(_ENDS)
            and (piece.text[:1].islower() or piece.text[:1].isdigit())
        ):
            joined[-1] = _Piece(hyphens.join(before.text, piece.text), "paragraph", before.page)
        else:
            joined.append(piece)
    return joined


def _assemble(pieces: Sequence[_Piece]) -> tuple[str, tuple[Span, ...], str | None]:
    """Text and spans; a heading belongs to the span that it opens."""
    parts: list[str] = []
    spans: list[Span] = []
    path: list[tuple[int, str]] = []
    at = 0
    previous = ""
    first: str | None = None
    for piece in pieces:
        gap = "" if not parts else "\n" if previous == piece.kind and piece.kind in ("row", "code", "item") else "\n\n"
        parts.extend((gap, piece.text))
        start = at + len(gap)
        at = start + len(piece.text)
        if piece.kind == "heading":
            first = first or piece.text
            path = [*((level, text) for level, text in path if level < piece.level), (piece.level, piece.text)]
        headings = tuple(text for _, text in path)
        if spans and spans[-1].page == piece.page and spans[-1].heading_path == headings and piece.kind != "heading":
            spans[-1] = spans[-1].model_copy(update={"end": at})
        else:
            spans.append(Span(start=start, end=at, page=piece.page, heading_path=headings))
        previous = piece.kind
    return "".join(parts), tuple(spans), first


def _tables(blocks: Sequence[Block]) -> tuple[ExtractedTable, ...]:
    found: list[ExtractedTable] = []
    for index, block in enumerate(blocks):
        if block.kind == "table":
            near = [blocks[i] for i in (index - 1, index + 1) if 0 <= i < len(blocks) and blocks[i].kind != "table"]
            captions = [" ".join(b.lines) for b in near if b.lines and _CAPTION.match(b.lines[0])]
            found.append(ExtractedTable(rows=block.rows, page=block.page, caption=captions[0][:300] if captions else ""))
    return tuple(found)
