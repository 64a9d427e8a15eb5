"""Where sentences end, in the two languages that documents are mostly in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reading.sentences import sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["It rose by 3.5 °C.", "Then it fell."],
        ["Dr. Smith et al. measured it, e.g. in Bern.", "They were right."],
        ["See Fig. 3 and Eq. 2 for details.", "The rest follows."],
        ["The U.S. Government paid.", "Nobody knew why."],
        ["J. K. Rowling wrote it.", "It sold well."],
        ["He asked: \"Why?\"", "Nobody answered."],
        ["It ended in 2015.", "In 2016 it began anew."],
        ["There were 342 penguins.", "All were weighed."],
        ["Der Wert lag am 3. Mai bei 3,5 °C, z. B. in Zürich.", "Das ist viel."],
        ["Die 2. Messung vom 12. Januar zählt nicht.", "Die dritte schon."],
        ["Prof. Müller, d. h. der Leiter, kam um ca. 8 Uhr.", "Er ging bald."],
        ["Wait ... what?", "Yes!", "Really."],
        ["first item", "second item", "3. third item"],
        ["Mass balance . . . . . . 12"],
        ["1. Open the box.", "2. Close it."],
    ],
)  # fmt: skip
def test_sentences_are_found(parts: list[str]) -> None:
    separator = "\n" if "item" in parts[0] or parts[0].startswith("1.") else " "
    assert split(separator.join(parts)) == parts


@given(st.text(alphabet=st.sampled_from('aA. !?\n1,"”)Dr'), max_size=60) | st.text(max_size=60))
def test_sentences_cover_all_but_white_space_in_order(text: str) -> None:
    found = sentences(text)
    at = 0
    for start, end in found:
        assert at <= start < end
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()
