"""Documents that are one thing over and over are read in a time that grows with their length, not with its square: nothing stands still.

While a regular expression is looked for, no other thread of the process runs: a file of dots would hold up every mission.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from shared.knowledge.indexing import index_document
from shared.language.instructions import reads_like_instructions
from shared.reading.blocks import Block
from shared.reading.compose import compose
from shared.reading.document import ExtractedDocument, ExtractedTable
from shared.reading.formats import HTML, MARKDOWN, detect_format

LENGTH = 300_000
pytestmark = pytest.mark.timeout(60, method="signal")
"""Each takes about a second; looked through from each of its characters, it would take hours."""
MONOTONOUS = {
    "one word": "a",
    "stops": ".",
    "stops and a word": ".a",
    "stops and spaces": ". ",
    "closing quotes": ".\"')",
    "short numbers": "It rose by 12. In ",
    "commas and figures": "1,",
    "sentences": "The hall was open. ",
    "hyphens": "a-",
    "brackets": "(>",
    "senders": "send a.b-c+",
    "orders": "ignore ",
}


def read(*lines: str) -> ExtractedDocument:
    """The text of a paragraph with these lines; there is a table elsewhere in the document."""
    composed = compose([Block(kind="paragraph", lines=lines)])
    digest = hashlib.sha256(composed.text.encode()).hexdigest()
    table = ExtractedTable(rows=(("year", "visitors"), ("2019", "1200")))
    return ExtractedDocument(
        sha256=digest, media_type="text/plain", text=composed.text, text_sha256=digest, spans=composed.spans, tables=(table,)
    )


@pytest.mark.parametrize("part", MONOTONOUS.values(), ids=MONOTONOUS)
@pytest.mark.parametrize("end", ["", "x"])
def test_one_long_line(part: str, end: str) -> None:
    text = part * (LENGTH // len(part)) + end
    document = read(text)
    assert document.text == text.strip()
    indexed = index_document(document, name="long.txt", uri="artifact:long", text_uri="artifact:text")
    assert sum(len(node.text) for node in indexed.nodes) > LENGTH // 2
    assert not reads_like_instructions(text)


@pytest.mark.parametrize("end", ["", "# A heading", "<html>"])
def test_a_file_that_begins_with_many_comments(tmp_path: Path, end: str) -> None:
    path = tmp_path / "notes.md"
    path.write_text("<!-- of the licence -->\n" * 100 + end)
    assert detect_format(path, path.name) is (HTML if end == "<html>" else MARKDOWN)


def test_a_line_of_numbers_at_the_edge_of_each_page() -> None:
    numbers = "1 " * (LENGTH // 2)
    blocks = [Block(kind="paragraph", lines=(f"{numbers}{page}x",), page=page, band="top") for page in (1, 2)]
    assert compose(blocks).text == f"{numbers}1x {numbers}2x"


@pytest.mark.parametrize("line", ["ab-", "the hall", "well-known", "1."])
def test_many_lines_without_an_empty_one(line: str) -> None:
    document = read(*[line] * (LENGTH // 5))
    assert "\n" not in document.text
    assert index_document(document, name="long.txt", uri="artifact:long", text_uri="artifact:text").nodes
