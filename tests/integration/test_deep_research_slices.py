"""Research with models, slice by slice: roles without an answer, slices that run again, rounds that end, and what reaches the prompts."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.deep_research.state import ResearchState
from functions.deep_research.track import DeepResearchTrack
from schemas.evidence import ResearchEvidencePackage, Usage
from schemas.mission import MissionRequest, Tier
from shared.errors import BudgetRefused
from shared.models.calls import ModelCall
from shared.sandbox import CodeSandbox
from shared.spaces import Spaces
from shared.web.fetch import WebFetch
from tests.support.papers import write_docx, write_pdf
from tests.support.research import ResearchBench
from tests.support.research_missions import HONEST, QUESTION, TEMPERATURE, note, players, statuses, supports
from tests.support.research_models import Player, Players, away, concludes, judges, listed, no_plan, reads
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]


@pytest.fixture
def bench(sandbox: CodeSandbox, tmp_path: Path) -> ResearchBench:
    return ResearchBench(sandbox, tmp_path / "bench")


@pytest.mark.parametrize("missing", ["planner", "reader", "auditor", "synthesizer"])
def test_where_a_role_gets_no_answer_the_package_comes_all_the_same(bench: ResearchBench, tmp_path: Path, missing: str) -> None:
    honest: dict[str, Player] = {
        "planner": no_plan,
        "reader": reads(HONEST),
        "auditor": judges("entailed"),
        "synthesizer": concludes(),
    }
    played = Players(**(honest | {missing: away}))
    package = bench.run(QUESTION, bench.given(write_pdf(tmp_path / "report.pdf")), models=played.desk)
    bench.check_citations(package)
    assert statuses(package) == ["answered", "answered"]
    assert {"tier_extractive", "model_unavailable"} <= bench.flags
    assert {detail["role"] for detail in bench.notes("role.without_model")} == {missing}
    assert any(c.support in ("verbatim", "entailed") for c in package.claims if c.question_id == "q2")


def test_without_money_it_is_the_extractive_package_and_says_so(bench: ResearchBench, tmp_path: Path) -> None:
    def broke(call: ModelCall) -> object:
        return BudgetRefused("No money is left.")

    files = bench.given(write_pdf(tmp_path / "report.pdf"))
    played = Players(planner=broke, reader=broke, auditor=broke, synthesizer=broke)
    package = bench.run(QUESTION, files, models=played.desk)
    plain = bench.run(QUESTION, files, mission="m_2")
    assert package.claims == plain.claims
    assert package.answers == plain.answers
    assert (package.tier, package.usage.calls) == ("extractive", 0)
    bench.run(QUESTION, files, models=played.desk)
    assert {"tier_extractive", "budget_exhausted"} <= bench.flags


def test_requests_that_no_model_answered_are_no_work_of_a_model(bench: ResearchBench, tmp_path: Path) -> None:
    files = bench.given(write_pdf(tmp_path / "report.pdf"))
    played = Players(planner=away, reader=away, auditor=away, synthesizer=away)
    package = bench.run(QUESTION, files, models=lambda seq: played.desk(seq, spent=lambda: Usage(calls=2)))
    assert package.usage.calls > 0
    assert package.tier == "extractive"


@pytest.mark.parametrize("last", range(1, 8))
def test_a_tier_that_falls_to_extractive_in_any_slice_ends_with_what_there_is(bench: ResearchBench, tmp_path: Path, last: int) -> None:
    played = players()
    files = bench.given(write_pdf(tmp_path / "report.pdf"))
    package = bench.run(QUESTION, files, models=lambda seq: played.desk(seq) if seq < last else None)
    bench.check_citations(package)
    assert statuses(package) == ["answered", "answered"]


def test_a_slice_that_is_run_again_asks_the_same_and_leaves_the_same(bench: ResearchBench, tmp_path: Path) -> None:
    request = MissionRequest(question=QUESTION, inputs=bench.given(write_pdf(tmp_path / "report.pdf")))
    track = DeepResearchTrack(bench.sandbox, bench.graph, WebFetch())
    state = ResearchState()
    for seq in range(20):
        first, second = players(), players()
        one = track.step(bench.context(request, "m_1", "me", seq, lambda: 30, first.desk(seq)), state)
        two = track.step(bench.context(request, "m_1", "me", seq, lambda: 30, second.desk(seq)), state)
        assert one == two
        assert {str(c.key): c.request_sha256 for c in first.calls} == {str(c.key): c.request_sha256 for c in second.calls}
        assert len(first.calls) <= 4
        if one.package:
            return
        state = ResearchState.model_validate_json(one.state.model_dump_json())
    raise AssertionError("the track does not end")


def test_many_sub_questions_are_read_four_at_a_time_whatever_time_is_left(bench: ResearchBench, tmp_path: Path) -> None:
    stations = ("Bern", "Basel", "Chur", "Davos", "Genf", "Lugano")
    sentences = [f"The mean temperature in {name} was {7 + i}.5 °C in 2015." for i, name in enumerate(stations)]
    text = "\n\n".join(f"# {name}\n\n{sentence}" for name, sentence in zip(stations, sentences, strict=True))
    asked = " ".join(f"What was the mean temperature in {name}?" for name in stations)
    played = players(claims={s: s.replace("The mean", "Overall the mean") for s in sentences})
    package = bench.run(asked, bench.given(note(tmp_path, "a.md", text)), models=played.desk, time_left=lambda: 0)
    assert len(package.sub_questions) == len(stations)
    assert set(statuses(package)) == {"answered"}
    by_slice = [sum(c.key.seq == seq for c in played.calls) for seq in {c.key.seq for c in played.calls}]
    assert max(by_slice) == 4


def test_reading_ends_after_two_rounds_without_a_new_claim_and_at_the_last_round(bench: ResearchBench, tmp_path: Path) -> None:
    text = "\n\n".join(
        f"# Part {i}\n\nVisitors came to the region in the {i}th week, when the weather of hall {i} was fine." for i in range(60)
    )
    files = bench.given(note(tmp_path, "a.md", text))
    asked = "How many visitors came to the region in the weeks?"
    nothing = players(claims={})
    bench.run(asked, files, models=nothing.desk)
    assert [detail["open"] for detail in bench.notes("round.audited")] == [1, 0]
    partly = players(reader=_claims_one_thing_of_each_batch)
    bench.run(asked, files, mission="m_2", models=partly.desk, max_rounds=3)
    assert len(bench.notes("round.audited")) == 3


def _claims_one_thing_of_each_batch(call: ModelCall) -> object:
    passage = listed(call, "passages")[0]
    claim = {"passage": passage["id"], "quote": passage["text"], "claim": passage["text"], "nature": "fact"}
    return {"claims": [claim], "answered": "partly", "leads": []}


def test_no_passage_is_read_twice_for_a_question(bench: ResearchBench, tmp_path: Path) -> None:
    text = "\n\n".join(f"# Part {i}\n\nVisitors of week {i} came to hall {chr(65 + i)} by train number {i}." for i in range(20))
    played = players(reader=_claims_one_thing_of_each_batch)
    bench.run("Which visitors came by train?", bench.given(note(tmp_path, "a.md", text)), models=played.desk)
    shown = [p["text"] for call in played.asked("reader") for p in listed(call, "passages")]
    assert len(shown) == len(set(shown)) > 8


def test_closing_early_hands_over_what_holds_and_asks_nobody(bench: ResearchBench, tmp_path: Path) -> None:
    request = MissionRequest(question=QUESTION, inputs=bench.given(write_docx(tmp_path / "report.docx")))
    track = DeepResearchTrack(bench.sandbox, bench.graph, WebFetch())
    state, played = ResearchState(), players()
    for seq in range(4):
        state = track.step(bench.context(request, "m_1", "me", seq, lambda: 30, played.desk(seq)), state).state
    before = len(played.calls)
    package = track.close(bench.context(request, "m_1", "me", 4, lambda: 30, played.desk(4)), state, "hard deadline").package
    assert isinstance(package, ResearchEvidencePackage)
    assert supports(package) == dict.fromkeys(HONEST.values(), "entailed")
    assert statuses(package) == ["answered", "answered"]
    assert len(played.calls) == before


def test_a_document_of_the_knowledge_space_is_read_and_its_text_kept_with_the_mission(
    bench: ResearchBench, sandbox: CodeSandbox, tmp_path: Path
) -> None:
    spaces = Spaces(sandbox, bench.artifacts, bench.graph, tmp_path / "scratch")
    assert [f.status for f in spaces.add("me", "climate", [write_docx(tmp_path / "report.docx")])] == ["added"]
    package = bench.run(QUESTION, space="climate", models=players().desk)
    bench.check_citations(package)
    assert supports(package) == dict.fromkeys(HONEST.values(), "entailed")
    assert [source.text_uri.startswith("artifact:missions/m_1/texts/") for source in package.sources] == [True]
    unread = bench.run(QUESTION, space="climate", models=players(claims={}).desk, mission="m_2")
    assert unread.sources == ()


def test_a_question_in_a_language_without_a_lexicon_is_answered_with_a_model(bench: ResearchBench, tmp_path: Path) -> None:
    claim = "Средняя годовая температура в городе Bern была 8.8 °C в 2015 году."
    plan = {"parts": [{"question_id": "q1", "queries": ["mean annual temperature Bern"], "answer_if": "a figure"}]}
    played = players(planner=lambda call: plan, claims={TEMPERATURE: claim})
    files = bench.given(write_docx(tmp_path / "report.docx"))
    package = bench.run("Какая была средняя температура в городе Берн?", files, models=played.desk)
    assert supports(package) == {claim: "entailed"}
    assert statuses(package) == ["answered"]
    refused = bench.run("Какая была средняя температура в городе Берн?", files, models=players(planner=away, reader=away).desk)
    assert statuses(refused) == ["not_understood"]


def test_hypotheses_for_the_data_cite_claims_and_state_no_figure_of_their_own(bench: ResearchBench, tmp_path: Path) -> None:
    tests = [
        {"hypothesis": "Visitors rose after the railway line opened.", "analysis": "trend of visitors over the years", "claims": ["c1"]},
        {"hypothesis": "Visitors rose by 40 % in 1999.", "analysis": "trend of visitors", "claims": ["c1"]},
    ]
    played = players(
        synthesizer=concludes("partial", note="The size of the increase is not told.", gaps=["visitors by year"], hypotheses=tests)
    )
    package = bench.run("Why have visitors increased?", bench.given(write_pdf(tmp_path / "report.pdf")), models=played.desk)
    assert [(h.text, h.claim_ids, h.tier) for h in package.hypotheses] == [
        ("Visitors rose after the railway line opened.", ("c1",), "standard")
    ]
    assert [(a.status, a.note) for a in package.answers] == [("partial", "The size of the increase is not told.")]
    assert [g.text for g in package.gaps] == ["visitors by year"]
    assert package.dropped == 1


def test_two_hundred_pages_reach_the_prompts_only_as_the_chosen_passages(bench: ResearchBench, tmp_path: Path) -> None:
    chapters = [
        (f"Chapter {i}", f"Station number {i} measured a mean temperature of {i}.5 degrees in the year of mark{i}x. " * 12)
        for i in range(200)
    ]
    document = write_pdf(tmp_path / "long.pdf", chapters)
    played = players(reader=_claims_one_thing_of_each_batch)
    package = bench.run("What mean temperature did station number 17 measure?", bench.given(document), models=played.desk, max_rounds=2)
    assert package.sources[0].pages == 200
    shown = {p["text"] for call in played.asked("reader") for p in listed(call, "passages")}
    assert 0 < len(shown) <= 2 * 8
    for call in played.calls:
        assert len(call.prompt.user.encode()) < 30_000
        told = (
            "".join(shown)
            if call.key.role == "reader"
            else "".join(c.text + "".join(e.quote for e in package.evidence) for c in package.claims)
        )
        marks = {
            word for word in call.prompt.user.replace('"', " ").replace(".", " ").split() if word.startswith("mark") and word[4:5].isdigit()
        }
        assert all(mark in told for mark in marks)


def test_the_models_tier_is_the_one_of_the_slice(bench: ResearchBench, tmp_path: Path) -> None:
    played = players()
    files = bench.given(write_docx(tmp_path / "report.docx"))
    package = bench.run(QUESTION, files, models=lambda seq: played.desk(seq, tier=Tier.PREMIUM if seq < 3 else Tier.ECONOMY))
    assert {c.tier for c in package.claims} == {"premium"}
    assert {a.tier for a in package.answers} == {"economy"}
