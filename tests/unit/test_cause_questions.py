"""A question that asks for a cause is looked for by its matter: the verb that asks stands in no text that answers it."""

from __future__ import annotations

import pytest

from functions.deep_research.quotes import quotes_from, with_context
from shared.documents import Json
from shared.knowledge.port import Hit, Node, Scope
from shared.knowledge.terms import query_terms
from shared.language.causes import asks_for_a_cause
from shared.language.split import split_question

NORTH = "The North grew because of a new warehouse in Aarhus."
WEST = "The West region grew fastest because of its shop in Lyon."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What drove the growth of the North?", NORTH),
        ("What does the report say drove the growth of the North?", NORTH),
        ("Which region grew fastest, and what does the report say drove it?", WEST),  # README.md
        ("Which region grew fastest, and what has driven it?", WEST),
    ],
)
def test_what_drove_it_is_answered_by_a_text_that_says_because(question: str, text: str) -> None:
    parts = split_question(question)
    assert asks_for_a_cause(parts[-1].text)
    hits = [_passage("Lamps are sold in all shops."), _passage(text)]
    (best, *_) = quotes_from(parts[-1], query_terms(with_context(parts, len(parts) - 1)), hits)
    assert (best.quote, best.causal) == (text, True)


@pytest.mark.parametrize("question", ["What drive failed most often?", "How many people drove to work?", "What did the driver earn?"])
def test_a_drive_is_no_cause(question: str) -> None:
    assert not asks_for_a_cause(question)


def _passage(text: str) -> Hit:
    about: dict[str, Json] = {"start": 0, "sentences": [[0, len(text)]], "heading_path": [], "page": None}
    return Hit(Node(f"chunk:{text[:8]}", "Chunk", text, "document:1", properties=about), Scope("o", "s", "m"), 1.0, 1.0)
