"""Rows of a document's tables answer with what stands above them, wherever the table is cut."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from functions.deep_research.quotes import quotes_from
from functions.fusion.answer import answer_lines
from schemas.evidence import SubQuestion
from schemas.outcome import Citation, MergedClaim, Section
from shared.knowledge.indexing import index_document
from shared.knowledge.port import Hit, Scope
from shared.knowledge.terms import query_terms
from shared.reading.blocks import Block
from shared.reading.compose import compose
from shared.reading.document import CELL_BREAK, ExtractedDocument
from shared.reading.passages import passages

HEADER = ("Region", "Revenue 2024 (kCHF)", "Revenue 2025 (kCHF)")
ROWS = tuple((name, f"{i},100", f"{i},200") for i, name in enumerate(("North", "South", "East", "West", "St. Gallen", "Ticino"), start=1))
SCOPE = Scope("me", "default", "m_1")
PROSE = "The North region earned most in 2025, with 4.2 million of revenue."


def document(*tables: tuple[tuple[str, ...], ...], prose: str = PROSE) -> ExtractedDocument:
    blocks = [
        Block(kind="paragraph", lines=(prose,)),
        *(Block(kind="table", rows=rows) for rows in tables),
        Block(kind="paragraph", lines=("The end of it.",)),
    ]
    made = compose(blocks)
    digest = hashlib.sha256(made.text.encode()).hexdigest()
    return ExtractedDocument(
        sha256=digest, media_type="text/html", text=made.text, text_sha256=digest, spans=made.spans, tables=made.tables, title="Report"
    )


def best_quote(question: str, source: ExtractedDocument) -> tuple[str, tuple[str, ...]]:
    nodes = index_document(source, name="report.html", uri="u", text_uri="t").nodes
    hits = [Hit(node, SCOPE, score=1.0, coverage=1.0) for node in nodes if node.kind == "Chunk"]
    (best, *_) = quotes_from(SubQuestion(id="q1", text=question), query_terms(question), hits)
    return best.quote, best.heading_path


def test_a_row_far_below_its_header_answers_for_its_region_and_column() -> None:
    quote, path = best_quote("What was the revenue of the Ticino region in 2025?", document((HEADER, *ROWS)))
    assert (quote, path) == ("Ticino | 6,100 | 6,200", (CELL_BREAK.join(HEADER),))


def test_prose_answers_where_no_row_names_what_is_asked_for() -> None:
    assert best_quote("What was the revenue in 2025?", document((HEADER, *ROWS)))[0] == PROSE


def test_a_row_is_not_parted_from_its_header_by_a_full_stop_in_a_cell() -> None:
    assert all(p.columns for p in passages(document((HEADER, *ROWS))) if "Gallen" in document((HEADER, *ROWS)).text[p.start : p.end])


def test_a_table_without_a_header_and_lines_of_two_tables_have_none() -> None:
    alike, other = ("North", "1", "2"), ("Branch", "Staff", "Rooms")
    assert {p.columns for p in passages(document((("North", "1", "2"), ("South", "3", "4"))))} == {""}
    source = document((HEADER, alike), (other, alike))
    assert {p.columns for p in passages(source) if CELL_BREAK.join(alike) in source.text[p.start : p.end]} == {""}


@given(st.lists(st.tuples(*[st.text("ab1. |,", min_size=1, max_size=6)] * 3), min_size=1, max_size=8))
def test_passages_hold_every_sentence_once_and_no_row_beside_prose(rows: list[tuple[str, str, str]]) -> None:
    source = document((HEADER, *rows), prose="Some prose. And more.")
    found = passages(source)
    at = [place for p in found for place in p.sentences]
    assert at == sorted(set(at)) and all(p.start == p.sentences[0][0] and p.end == p.sentences[-1][1] for p in found)
    assert not any(p.columns and "prose" in source.text[p.start : p.end] for p in found)


def test_the_answer_names_the_columns_of_a_row() -> None:
    cited = Citation(origin="document", label="Report", quote="West | 4,100", heading_path=("Tables", "Region | Revenue"))
    claim = MergedClaim(id="c1", origin="document", text="West | 4,100", support="verbatim", citations=(cited,))
    section = Section(question="What did West earn?", status="answered", passages=(claim,))
    assert answer_lines((section,), (claim,), (), ()) == ("“West | 4,100” under “Region | Revenue” (Report)",)
