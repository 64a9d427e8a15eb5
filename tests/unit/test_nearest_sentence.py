"""The sentence of a passage that may stand alone in the answer: the one about what the question names, or else none."""

from __future__ import annotations

import pytest

from functions.fusion.nearest import nearest

SOUTH = "Revenue in the South region grew by 12 % in 2024, driven by new customers in Bavaria."
NORTH = "The main cause of the decline in the North was a strike in Hamburg."


@pytest.mark.parametrize(
    ("question", "passage", "expected"),
    [
        # another value of what is named loses, however many other words it shares
        ("Why did revenue fall in the North region?", (SOUTH, NORTH), NORTH),
        ("Why did revenue grow in the South region?", (SOUTH, NORTH), SOUTH),
        ("why did revenue fall in the north region?", (SOUTH, NORTH), NORTH),
        (
            "What was the revenue in 2023?",
            ("In 2024 the revenue of the whole company was high.", "It was low in 2023."),
            "It was low in 2023.",
        ),
        ("How did sales in North develop?", ("Sales in South rose and rose.", "Northern shops sold less."), "Northern shops sold less."),
        (
            "Warum fiel der Umsatz in der Region Nord?",
            ("Der Umsatz in der Region Süd stieg, weil neue Kunden kamen.", "Die Region Nord verlor Umsatz wegen eines Streiks."),
            "Die Region Nord verlor Umsatz wegen eines Streiks.",
        ),
        # small words and the words of the asking do not count
        ("What is in the box of the shop?", ("What it is in the end of the day is unclear.", "A box holds tea."), "A box holds tea."),
        # what only one sentence holds tells more than what most of them hold
        (
            "Is the glacier ice dark by albedo?",
            ("Glacier ice moves.", "Glacier ice melts.", "Ice of a glacier is blue.", "The albedo falls."),
            "The albedo falls.",
        ),
    ],
)
def test_the_sentence_about_what_is_asked_stands_alone(question: str, passage: tuple[str, ...], expected: str) -> None:
    assert nearest(" ".join(passage), question) == expected
    assert nearest(" ".join(reversed(passage)), question) == expected


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("What happened to the glacier?", "The glacier lost mass. The glacier lost length."),
        ("What happened to the harbour?", "The glacier lost mass. Sheep graze below."),
        # a sentence without any cause never stands alone for a why
        ("Why did revenue in the North fall?", "Revenue in the North did fall by 5 %. The decline in the North was due to a strike."),
        ("Why?", "One thing. Another thing."),
    ],
)
def test_where_no_sentence_says_it_alone_the_whole_passage_stands(question: str, passage: str) -> None:
    assert nearest(passage, question) == passage
