"""The lines a reader sees first, of passages: one sentence, or the whole passage with its paragraphs apart."""

from __future__ import annotations

from functions.fusion.answer import MAX_PASSAGE_CHARS, answer_lines, summary
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


def test_an_answer_that_shows_some_results_of_a_question_only_says_so() -> None:
    cited = (Citation(origin="data", label="sales.csv"),)
    results = tuple(MergedClaim(id=f"f{i}", origin="data", text=f"Result {i}.", support="verbatim", citations=cited) for i in range(7))
    section = Section(question="What is the total by region?", status="answered", findings=results)
    found = answer_lines((section,), summary((section,)), (), ())
    assert found == ("Result 0.", "Result 1.", "Result 2.", "Result 3.", "Result 4. More results stand below.")
    whole = section.model_copy(update={"findings": results[:4]})
    assert answer_lines((whole,), summary((whole,)), (), ())[-1] == "Result 3."


def test_a_sentence_that_two_questions_quote_is_said_once_and_leaves_its_room_to_another() -> None:
    def quoted(own: str, text: str) -> MergedClaim:
        return MergedClaim(
            id=own, origin="document", text=text, support="verbatim", citations=(Citation(origin="document", label="Notes", quote=text),)
        )

    why, more = "The West grew because of its shop in Lyon.", "It opened in May."
    which = Section(question="Which region grew?", status="answered", passages=(quoted("c1", why),))
    drove = Section(question="What drove it?", status="answered", passages=(quoted("c2", why), quoted("c3", more)))
    chosen = summary((which, drove), room=2)
    assert answer_lines((which, drove), chosen, (), ()) == (f"“{why}” (Notes)", f"“{more}” (Notes)")


def test_a_passage_that_is_too_long_is_cut_between_words() -> None:
    (line,) = lines("Rents rose again. " * 100, "What about rents?")
    assert line.endswith(" …” (Notes)") and len(line) <= MAX_PASSAGE_CHARS + 20


def test_the_lines_of_a_quote_stay_apart_in_markdown() -> None:
    from functions.fusion.compose import compose
    from functions.fusion.render.markdown import render_markdown
    from tests.support.packages import FILES, full_package

    package = full_package()
    assert package.research is not None
    first = package.research.evidence[0]
    broken = first.model_copy(update={"quote": first.quote.replace(" ", "\n", 1)})
    research = package.research.model_copy(update={"evidence": (broken, *package.research.evidence[1:])})
    start, rest = first.quote.split(" ", 1)
    assert f"> {start}\n> \n> {rest[:20]}" in render_markdown(compose(package.model_copy(update={"research": research})), FILES)


def test_without_anything_to_compare_no_conflict_is_not_said_to_be_none_found() -> None:
    from functions.fusion.alignment import align
    from functions.fusion.compose import compose
    from functions.fusion.render.html import render_html
    from functions.fusion.render.markdown import render_markdown
    from tests.support.packages import FILES, full_package

    both = full_package()
    alone = both.model_copy(update={"analysis": None, "alignment": align(both.research, None)})
    for package, said in ((both, "none found"), (alone, "nothing to compare")):
        package = package.model_copy(update={"alignment": align(package.research, package.analysis)})
        outcome = compose(package)
        outcome = outcome.model_copy(update={"conflicts": ()})
        assert f"| {said} |" in render_markdown(outcome, FILES)
        assert f"<dd>{said}</dd>" in render_html(outcome, FILES)
