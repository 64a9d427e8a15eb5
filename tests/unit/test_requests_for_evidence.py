"""What the data lack is said so that research can look for it: a definition, a column, a place or a time; and once only."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from functions.deep_research.offering import take_up_requests, waiting
from functions.deep_research.quotes import quotes_from, with_context
from functions.deep_research.state import ResearchState
from functions.ds_star.reader.reading import Refusal
from functions.ds_star.requesting import FROM_A_MODEL, read_ahead, requesting, requesting_unmet
from functions.ds_star.state import DsStarState
from functions.ds_star.suggested import offering
from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from schemas.handoff import TrackOffers
from schemas.mission import MissionInput, MissionRequest, Track
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.documents import Json
from shared.handoffs import all_offers, offer_of
from shared.knowledge.port import Hit, Node, Scope
from shared.knowledge.terms import query_terms
from shared.scratch import Scratch
from shared.tracks import SliceContext, SliceOutcome
from shared.waiting import REQUESTS_OF_CODE
from tests.support.clock import START, FrozenClock
from tests.support.questions import PEOPLE, SALES, WEATHER, read


@pytest.mark.parametrize(
    ("question", "file", "lacks"),
    [
        ("How many active members are there by town?", PEOPLE, 'the definition of "active members"'),
        ("What is the mean income of active people?", PEOPLE, 'the definition of "active people"'),
        ("What was the mean temperature in 2023?", WEATHER, 'figures of "mean temperature" for 2023'),
        ("mean temperature after 2019", WEATHER, 'figures of "mean temperature" after 2019'),
        ("What was the temperature between 1990 and 1995?", WEATHER, 'figures of "temperature" for 1990 and 1995'),
        ("What is the mean temperature in Zermatt?", WEATHER, 'figures of "mean temperature" for "Zermatt"'),
        ("What is the mean humidity by station?", WEATHER, 'figures of "humidity"'),
        ("How did sales change from 2018 to 2022?", SALES, 'figures of "sales" for 2022'),
        ("total sales by month", SALES, 'figures of "sales" by month'),
        ("mean income by year", PEOPLE, 'figures of "income" by year'),
        ("How did the income evolve in Bern?", PEOPLE, 'figures of "income" over time'),
        ("total rain above 5 hours", WEATHER, '"rain_mm" in hours, or how mm is converted to hours'),
    ],
)
def test_a_refusal_says_what_the_data_lack(question: str, file: FileDescription, lacks: str) -> None:
    refusal = read(question, file)
    assert isinstance(refusal, Refusal) and refusal.lacks == (lacks,)


@pytest.mark.parametrize(
    ("question", "file"),
    [
        ("Why is it warmer in Bern?", WEATHER),
        ("Which gauge was used?", WEATHER),
        ("How many customers churned?", PEOPLE),
        ("Is wind related to rain?", WEATHER),
        ("Who is the mayor of Paris and what does he earn in the long run?", WEATHER),
    ],
)
def test_what_research_looks_for_anyway_or_only_the_asker_can_say_lacks_nothing(question: str, file: FileDescription) -> None:
    refusal = read(question, file)
    assert isinstance(refusal, Refusal) and refusal.lacks == ()


def test_times_of_a_table_that_is_only_sampled_are_not_known_to_end() -> None:
    sampled = WEATHER.model_copy(update={"tables": (WEATHER.tables[0].model_copy(update={"sampled_rows": 10}),)})
    assert not isinstance(read("What was the mean temperature in 2023?", sampled), Refusal)


def state(*questions: str, files: tuple[FileDescription, ...] = (PEOPLE,)) -> DsStarState:
    parts = tuple(SubQuestion(id=f"q{n}", text=text) for n, text in enumerate(questions, start=1))
    return DsStarState(sub_questions=parts, descriptions=files)


def test_a_request_is_made_once_and_not_where_a_part_of_the_question_asks_the_same() -> None:
    asked = state("How many active members are there?", "What is the definition of residents?")
    question = asked.sub_questions[0]
    wanted = ('the definition of "active members"', 'the definition of "residents"', "The definition of the active member")
    found = requesting(asked, question, wanted, "no column is called so").evidence_requests
    assert [(r.id, r.text, r.because, r.question_id) for r in found] == [
        ("e1", 'the definition of "active members"', "no column is called so", "q1")
    ]


def test_what_a_model_left_open_is_asked_by_the_words_of_the_question_else_by_its_own() -> None:
    asked = state("How many active members are there by town?", "Which training works?")
    for question in asked.sub_questions:
        asked = requesting_unmet(asked, question, "The file says nothing of training.")
    assert [r.text for r in asked.evidence_requests] == [
        'the definition of "active members"',
        "evidence for what the data lack: The file says nothing of training.",
    ]
    assert requesting_unmet(state("Which training works?"), asked.sub_questions[1], "").evidence_requests == ()


def test_the_thing_that_a_model_needs_is_asked_for_unless_it_names_a_figure_of_its_own() -> None:
    asked = state("Which training works in 2021?")
    question, said = asked.sub_questions[0], "The file says nothing of training."
    (request,) = requesting_unmet(asked, question, said, "the training plans of 2021").evidence_requests
    assert (request.text, request.because) == ("the training plans of 2021", said)
    (request,) = requesting_unmet(asked, question, said, "the training plans of 17 clubs").evidence_requests
    assert request.text == f"{FROM_A_MODEL}{said}"
    assert requesting_unmet(asked, question, "It ends with 17 clubs.").evidence_requests == ()


def test_all_parts_are_read_ahead_so_that_research_need_not_wait_for_the_calculations() -> None:
    asked = state("What is the mean income?", "How many active members are there by town?")
    read_already = read_ahead(asked, lambda _, question: read(question.text, PEOPLE))
    published = offering(SliceOutcome(read_already)).offers
    assert published is not None and published.complete
    assert [offer.text for offer in published.offers] == ['the definition of "active members"']
    assert read_already.last_spec is None and read_already.answers == ()


def context(folder: Path, offers: TrackOffers | None, *kinds: str) -> SliceContext:
    store = FolderArtifacts(folder)
    given = tuple(MissionInput.model_validate({"uri": "artifact:inputs/x/a", "kind": kind, "name": f"a.{kind}"}) for kind in kinds)
    uri = store.put("offers.json", offers.model_dump_json().encode()).uri if offers is not None else None
    request = MissionRequest(question="What?", inputs=given)
    clock, scratch = FrozenClock(), Scratch(folder)
    return SliceContext("m", "o", Track.DEEP_RESEARCH, 1, 0, 1, request, store, clock, scratch, lambda: 30.0, other_handoff_uri=uri)


def test_research_waits_for_requests_only_while_some_may_come_and_not_for_long(tmp_path: Path) -> None:
    begun = ResearchState(phase="synthesize", sub_questions=(SubQuestion(id="q1", text="What?"),), space_documents=1)
    first = waiting(context(tmp_path, TrackOffers(), "data"), begun)
    assert first is not None and first.waiting_for
    assert first.until == START + timedelta(seconds=REQUESTS_OF_CODE.in_all_s)
    assert waiting(context(tmp_path / "none", None, "data"), begun) is not None
    assert waiting(context(tmp_path / "all", TrackOffers(complete=True), "data"), begun) is None
    assert waiting(context(tmp_path / "nodata", None, "document"), begun) is None, "there is no analysis that could ask"
    assert waiting(context(tmp_path / "nothing", None, "data"), begun.model_copy(update={"space_documents": 0})) is None


def test_a_request_is_looked_for_by_what_it_names_and_needs_a_passage_that_says_it(tmp_path: Path) -> None:
    offers = all_offers([offer_of("request", 'figures of "revenue" for 2024', because="it ends in 2022")], complete=True)
    begun = ResearchState(phase="synthesize", sub_questions=(SubQuestion(id="q1", text="What?"),))
    taken, _ = take_up_requests(context(tmp_path, offers, "data"), begun)
    asked = taken.sub_questions[-1]
    assert (asked.id, asked.text, taken.taken_up[0].offer.because) == ("a1", 'Figures of "revenue" for 2024', "it ends in 2022")
    assert with_context(taken.sub_questions, 1) == '"revenue" for 2024'

    definition = SubQuestion(id="a2", text='The definition of "active customers"')
    kept = quotes_from(
        definition,
        query_terms(with_context((definition,), 0)),
        [
            passage("Active customers were called by phone last week."),
            passage("An active customer is one who placed three orders within a year."),
        ],
    )
    assert [quote.quote for quote in kept] == ["An active customer is one who placed three orders within a year."]
    figures = quotes_from(
        asked, query_terms('"revenue" for 2024'), [passage("The revenue of 2023 was 400."), passage("In 2024 the revenue was 512.")]
    )
    assert [quote.quote for quote in figures] == ["In 2024 the revenue was 512."]


def passage(text: str) -> Hit:
    about: dict[str, Json] = {"start": 0, "sentences": [[0, len(text)]], "heading_path": [], "page": None}
    return Hit(Node(f"chunk:{text[:8]}", "Chunk", text, "document:1", properties=about), Scope("o", "s", "m"), 1.0, 1.0)
