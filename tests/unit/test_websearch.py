"""Which queries are put to the web: each once, of sub-questions that are still open, and not without end."""

from __future__ import annotations

from functions.deep_research.state import ModelClaim, Reading, ResearchState, Study, WebPage
from functions.deep_research.websearch import MAX_PAGES, MAX_QUERIES, QUERIES_AT_ONCE, pending
from schemas.evidence import SubQuestion

QUESTIONS = (SubQuestion(id="q1", text="How many passengers?"), SubQuestion(id="q2", text="Why did the number rise?"))


def study(question_id: str, *queries: str) -> Study:
    return Study(question_id=question_id, queries=queries)


def studied(*studies: Study, **more: object) -> ResearchState:
    return ResearchState(sub_questions=QUESTIONS, studies=studies).model_copy(update=more)


def test_without_a_model_the_sub_questions_are_searched_in_their_own_words() -> None:
    queries = pending(ResearchState(sub_questions=QUESTIONS))
    assert len(queries) == 2 and "passengers" in queries[0]


def test_a_query_is_put_once() -> None:
    state = studied(study("q1", "ferry passengers", "boat users"), searched=("ferry passengers",))
    assert pending(state) == ("boat users",)
    assert pending(state.model_copy(update={"searched": ("ferry passengers", "boat users")})) == ()


def test_what_a_reader_came_upon_is_searched_in_the_next_round() -> None:
    state = studied(study("q1", "ferry passengers", "harbour yearly report"), searched=("ferry passengers",))
    assert pending(state) == ("harbour yearly report",)


def test_a_sub_question_that_is_covered_is_not_searched_further() -> None:
    claim = ModelClaim(
        question_id="q1", text="x", nature="fact", quotes=(), support="verbatim", judged=True, tier="standard", prompt_version="r@1"
    )
    covered = study("q1", "a b").model_copy(update={"answered": "fully"})
    assert pending(studied(covered, study("q2", "c d"), claims=(claim,))) == ("c d",)


def test_nothing_is_searched_while_passages_wait_to_be_read_or_after_a_refusal() -> None:
    state = studied(study("q1", "a b"))
    assert pending(state) == ("a b",)
    assert pending(state.model_copy(update={"frontier": (Reading(question_id="q1", passages=()),)})) == ()
    assert pending(state.model_copy(update={"search_over": True})) == ()


def test_searches_and_pages_of_a_mission_are_bounded() -> None:
    many = study("q1", *(f"query {n} words" for n in range(40)))
    assert len(pending(studied(many))) == QUERIES_AT_ONCE
    asked = tuple(f"query {n} words" for n in range(MAX_QUERIES - 1))
    assert len(pending(studied(many, searched=asked))) == 1
    assert pending(studied(many, searched=(*asked, "one more"))) == ()
    pages = tuple(WebPage(url=f"https://a.example/{n}") for n in range(MAX_PAGES))
    assert pending(studied(many, pages=pages)) == ()
    cited = tuple(page.model_copy(update={"reported": True}) for page in pages)
    assert pending(studied(many, pages=cited)), "what an agent cites does not use up the searches"
