"""The lines a reader sees first, of passages: one sentence, or the whole passage with its paragraphs apart."""

from __future__ import annotations

from functions.fusion.answer import MAX_PASSAGE_CHARS, answer_lines
from schemas.evidence import Support
from schemas.outcome import Citation, MergedClaim, Section


def lines(text: str, question: str, support: Support = "verbatim") -> tuple[str, ...]:
    claim = MergedClaim(
        id="c1", origin="document", text=text, support=support, citations=(Citation(origin="document", label="Notes", quote=text),)
    )
    return answer_lines((Section(question=question, status="answered", passages=(claim,)),), (claim,), (), ())


def test_one_sentence_stands_for_its_passage_where_it_says_it_alone() -> None:
    assert lines("Rents rose in Bern.\n\nRents fell in Basel.", "What happened to rents in Basel?") == ("“Rents fell in Basel.” (Notes)",)


def test_paragraphs_of_a_whole_passage_are_quotes_of_their_own() -> None:
    text = "Rents rose in Bern.\n\nRents rose in Basel. So did wages."
    assert lines(text, "What about rents?") == ("“Rents rose in Bern.” “Rents rose in Basel. So did wages.” (Notes)",)
    assert lines(text, "What about rents?", "entailed") == ("Rents rose in Bern. Rents rose in Basel. So did wages. (Notes)",)


def test_a_passage_that_is_too_long_is_cut_between_words() -> None:
    (line,) = lines("Rents rose again. " * 100, "What about rents?")
    assert line.endswith(" …” (Notes)") and len(line) <= MAX_PASSAGE_CHARS + 20
