"""Blocks into text: what is joined, what is left out, and that spans always fit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.reading.blocks import Block
from shared.reading.compose import compose


def paragraph(*lines: str, page: int | None = None, size: float = 10, bold: bool = False, band: str = "") -> Block:
    return Block.model_validate({"kind": "paragraph", "lines": lines, "page": page, "size": size, "bold": bold, "band": band})


def test_a_hyphen_at_a_line_end_goes() -> None:
    assert compose([paragraph("the tempera-", "ture rose")]).text == "the temperature rose"


def test_a_hyphen_that_the_document_writes_elsewhere_stays() -> None:
    assert compose([paragraph("a well-known case"), paragraph("it is well-", "known")]).text.endswith("it is well-known")


def test_a_hyphen_before_a_capital_stays() -> None:
    assert compose([paragraph("the Basel-", "Bern line")]).text == "the Basel- Bern line"


WORDS = st.sampled_from(["the", "tempera-", "ture", "well-", "known", "Bern", "a-", "-", "b-", "rose."])
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=12)


@given(LINES)
def test_many_lines_are_joined_as_one_after_the_other(lines: list[str]) -> None:
    joined = lines[0]
    for line in lines[1:]:
        joined = compose([paragraph(joined, line), paragraph(*lines)]).text.split("\n\n")[0]
    assert compose([paragraph(*lines)]).text == joined


def test_running_headers_and_page_numbers_are_left_out_and_it_is_said() -> None:
    blocks = [
        block
        for page in range(1, 5)
        for block in (
            paragraph(f"Annual report {2000 + page}", page=page, band="top"),
            paragraph(f"Text number {page}.", page=page),
            paragraph(f"Page {page} of 4", page=page, band="bottom"),
        )
    ]
    composed = compose(blocks)
    assert composed.text == "Text number 1.\n\nText number 2.\n\nText number 3.\n\nText number 4."
    assert [span.page for span in composed.spans] == [1, 2, 3, 4]
    assert len(composed.warnings) == 1


def test_a_title_at_the_top_of_one_page_stays() -> None:
    blocks = [paragraph("A title", page=1, band="top"), paragraph("Text.", page=1), paragraph("More.", page=2)]
    assert compose(blocks).text.startswith("A title")


def test_a_paragraph_over_two_pages_is_one() -> None:
    composed = compose([paragraph("It began on one page and", page=1), paragraph("ended on the next.", page=2)])
    assert composed.text == "It began on one page and ended on the next."
    assert [span.page for span in composed.spans] == [1]


def test_headings_of_a_pdf_are_told_by_size_weight_and_number() -> None:
    blocks = [
        paragraph("The report", size=20),
        paragraph("Methods", size=14),
        paragraph("Long enough body text to be the usual size of this document."),
        paragraph("Sampling", bold=True),
        paragraph("More body text, which nobody takes for a heading."),
        paragraph("Results", size=14),
        paragraph("And the end."),
    ]
    paths = [span.heading_path for span in compose(blocks).spans]
    assert ("The report", "Methods", "Sampling") in paths
    assert paths[-1] == ("The report", "Results")


@given(
    st.lists(
        st.builds(
            Block,
            kind=st.sampled_from(["heading", "paragraph", "item", "code"]),
            lines=st.lists(st.text(max_size=20), max_size=3).map(tuple),
            level=st.integers(0, 9),
            page=st.none() | st.integers(1, 4),
            size=st.sampled_from([0.0, 9.0, 10.0, 14.0]),
            bold=st.booleans(),
            band=st.sampled_from(["", "top", "bottom"]),
        )
        | st.builds(
            Block, kind=st.just("table"), rows=st.lists(st.lists(st.text(max_size=5), max_size=3).map(tuple), max_size=3).map(tuple)
        ),
        max_size=12,
    )
)
def test_spans_are_in_order_and_hold_all_text(blocks: list[Block]) -> None:
    composed = compose(blocks)
    at = 0
    for span in composed.spans:
        assert at <= span.start <= span.end <= len(composed.text)
        assert not composed.text[at : span.start].strip()
        at = span.end
    assert not composed.text[at:].strip()
    assert compose(blocks) == composed
