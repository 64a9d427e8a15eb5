"""Which queries are put, when a sub-question needs no more reading, and how much is read at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.deep_research.frontier import PASSAGES_AT_ONCE, is_covered, is_open, next_reading, orthogonal
from functions.deep_research.searching import Library
from functions.deep_research.state import Study
from schemas.mission import MissionRequest
from shared.knowledge.port import Node, Scope
from shared.knowledge.terms import index_terms
from tests.support.research import NoSandbox, ResearchBench
from tests.support.research_claims import claim


def test_queries_that_ask_for_the_same_are_put_once_and_few_in_all() -> None:
    own = ("mean temperature of Bern",)
    proposed = ["the mean temperatures of Bern", "heat record Bern", "of the", "", "Zollikofen station", "degrees", "snow"]
    assert orthogonal(own, proposed, at_most=4) == (*own, "heat record Bern", "Zollikofen station", "degrees")


def test_a_sub_question_is_covered_by_claims_that_hold_and_never_by_a_reader_s_word_alone() -> None:
    study = Study(question_id="q1", queries=("a",), answered="fully")
    assert not is_covered(study, [])
    assert not is_covered(study, [claim("It was warm in Bern.", support="unchecked")])
    assert not is_covered(study, [claim("It was warm in Bern.", question="q2")])
    assert not is_covered(study, [claim("It may get warm.").model_copy(update={"nature": "hypothesis"})])
    assert is_covered(study, [claim("It was warm in Bern.")])
    partly = study.model_copy(update={"answered": "partly"})
    assert not is_covered(partly, [claim("It was warm in Bern.")])
    assert is_covered(partly, [claim(f"It was warm in Bern in {year}.") for year in range(2000, 2006)])


@pytest.mark.parametrize("change", [{"idle": 2}, {"exhausted": True}])
def test_reading_goes_on_until_it_brings_nothing(change: dict[str, object]) -> None:
    study = Study(question_id="q1", queries=("a",))
    assert is_open(study.model_copy(update={"idle": 1}), [])
    assert not is_open(study.model_copy(update=change), [])


@pytest.fixture
def bench(tmp_path: Path) -> ResearchBench:
    return ResearchBench(NoSandbox(), tmp_path)


def library(bench: ResearchBench, texts: list[str]) -> Library:
    """A library of these passages in the mission's scope."""
    scope = Scope("me", "default", "m_1")
    nodes = [
        Node(
            f"chunk:{i:03}",
            "Chunk",
            text=text,
            document="document:1",
            terms=index_terms(text, "en"),
            properties={"start": 0, "end": len(text), "page": None, "heading_path": [], "sentences": [[0, len(text)]]},
        )
        for i, text in enumerate(texts)
    ]
    bench.graph.upsert(scope, nodes, [])
    bench.graph.upsert(scope.global_scope, [Node("document:1", "Document", properties=_ABOUT)], [])
    return Library(bench.graph, bench.context(MissionRequest(question="x"), "m_1", "me", 0, lambda: 30), ())


_ABOUT = {
    name: "a" * 64 if "sha256" in name else "x"
    for name in "name uri title sha256 media_type text_uri text_sha256 extractor extractor_version".split()
}


def test_the_next_passages_are_new_and_do_not_repeat_each_other(bench: ResearchBench) -> None:
    texts = [f"Visitors of hall number {i} came by the train of {i} o'clock." for i in range(12)]
    texts += ["Visitors were counted by hand at the door of the house.", "At the door of the house visitors were counted by hand."]
    found = library(bench, texts)
    first = next_reading(found, Study(question_id="q1", queries=("visitors", "visitors counted by hand")), wide=False)
    ids = [p.id for p in first.passages]
    assert ids[0] in ("chunk:012", "chunk:013")
    assert not {"chunk:012", "chunk:013"} <= set(ids)
    assert len(ids) == PASSAGES_AT_ONCE
    second = next_reading(found, Study(question_id="q1", queries=("visitors",), read=tuple(ids)), wide=False)
    assert second.passages
    assert not {p.id for p in second.passages} & set(ids)


def test_long_passages_are_fewer_but_one_at_least(bench: ResearchBench) -> None:
    texts = [f"Visitors {i} " + "".join(f"w{i}x{j} " for j in range(3_000)) for i in range(4)]
    reading = next_reading(library(bench, texts), Study(question_id="q1", queries=("visitors",)), wide=False)
    assert len(reading.passages) == 1
