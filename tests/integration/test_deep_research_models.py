"""Research with models, from files to package: whatever a planner or reader answers, only what stands in the documents is a claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.models.calls import ModelCall
from shared.sandbox import CodeSandbox
from tests.support.papers import write_docx, write_pdf
from tests.support.research import ResearchBench
from tests.support.research_missions import HONEST, QUESTION, TEMPERATURE, VISITORS, note, players, statuses, supports
from tests.support.research_models import COST, Players, block, judges, listed, reads
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]


@pytest.fixture
def bench(sandbox: CodeSandbox, tmp_path: Path) -> ResearchBench:
    return ResearchBench(sandbox, tmp_path / "bench")


def test_claims_in_other_words_rest_on_quotes_and_say_who_stated_them(bench: ResearchBench, tmp_path: Path) -> None:
    played = players()
    package = bench.run(QUESTION, bench.given(write_pdf(tmp_path / "report.pdf")), models=played.desk)
    bench.check_citations(package)
    assert supports(package) == dict.fromkeys(HONEST.values(), "entailed")
    assert statuses(package) == ["answered", "answered"]
    quotes = {e.id: e for e in package.evidence}
    cited = [quotes[claim.evidence_ids[0]] for claim in package.claims]
    assert [(e.quote, e.page, e.heading_path) for e in cited] == [(TEMPERATURE, 1, ("Temperature",)), (VISITORS, 2, ("Visitors",))]
    assert {(c.tier, c.prompt_version, c.confidence) for c in package.claims} == {("standard", "deep_research.reader@1", 0.9)}
    assert {(a.tier, a.prompt_version) for a in package.answers} == {("standard", "deep_research.synthesizer@1")}
    assert [p.id for p in package.prompts] == [f"deep_research.{role}" for role in ("planner", "reader", "auditor", "synthesizer")]
    assert package.tier == "standard"
    assert bench.flags == set()
    assert (package.usage.calls, package.usage.cost_micro_usd) == (len(played.calls), COST * len(played.calls))
    assert package.lineage.mission_id == "m_1"


def test_a_claim_that_is_its_quote_is_verbatim_by_code_and_no_model_is_asked(bench: ResearchBench, tmp_path: Path) -> None:
    played = players(claims={TEMPERATURE: TEMPERATURE}, auditor=judges("contradicted"))
    package = bench.run("What was the mean temperature in Bern?", bench.given(write_docx(tmp_path / "report.docx")), models=played.desk)
    assert supports(package) == {TEMPERATURE: "verbatim"}
    assert played.asked("auditor") == []
    assert package.claims[0].assertion is not None
    assert package.claims[0].assertion.value == 8.8


def test_the_queries_of_the_planner_find_what_the_question_does_not_name(bench: ResearchBench, tmp_path: Path) -> None:
    quote = "Precipitation at the station of Zollikofen came to 1059 mm."
    document = note(tmp_path, "a.md", f"# Station\n\n{quote}\n\n# Other\n\nThe bridge was opened early by many people.\n")
    plan = {"parts": [{"question_id": "q1", "queries": ["precipitation Zollikofen"], "answer_if": "a sum in mm"}]}
    claims = {quote: "The precipitation at Zollikofen was 1059 mm."}
    played = players(planner=lambda call: plan, claims=claims)
    package = bench.run("How much did it rain?", bench.given(document), models=played.desk)
    assert supports(package) == {"The precipitation at Zollikofen was 1059 mm.": "entailed"}
    assert block(played.asked("reader")[0], "answer-if") == "a sum in mm"
    without = bench.run("How much did it rain?", bench.given(document), models=players(claims=claims).desk)
    assert without.claims == ()


def test_a_lead_of_a_reader_is_followed_in_the_next_round(bench: ResearchBench, tmp_path: Path) -> None:
    first = "The museum of Bern was built by Ada Keller in 1902."
    second = "Ada Keller was born in the town of Chur."
    document = note(tmp_path, "a.md", f"# Museum\n\n{first}\n\n# People\n\n{second}\n")

    def reader(call: ModelCall) -> object:
        answer = reads({first: "Ada Keller built the museum of Bern.", second: "Ada Keller was born in Chur."})(call)
        assert isinstance(answer, dict)
        reached = any("Chur" in c["quote"] for c in answer["claims"])
        return {**answer, "answered": "fully" if reached else "partly", "leads": [] if reached else ["Ada Keller born"]}

    played = players(reader=reader)
    package = bench.run("Where was the builder of the museum of Bern born?", bench.given(document), models=played.desk)
    assert set(supports(package)) == {"Ada Keller built the museum of Bern.", "Ada Keller was born in Chur."}
    assert block(played.asked("reader")[-1], "known") == "Ada Keller built the museum of Bern."
    assert len(bench.notes("round.audited")) == 2


def test_words_may_go_on_from_the_second_round_on(bench: ResearchBench, tmp_path: Path) -> None:
    sentence = "The Gletscherschwund was measured near the hut above the valley."
    document = note(tmp_path, "a.md", sentence)
    package = bench.run("Where was the Gletscher?", bench.given(document), models=players(claims={sentence: sentence}).desk)
    assert supports(package) == {sentence: "verbatim"}
    assert [detail["passages"] for detail in bench.notes("passages.retrieved")] == [0, 1]


@pytest.mark.parametrize(
    ("quote", "claim", "reason"),
    [
        ("The mean annual temperature in Bern was 9.9 °C in 2015.", "The mean temperature in Bern was 9.9 °C.", "quote"),
        (TEMPERATURE, "The mean annual temperature in Bern was 9.9 °C in 2015.", "figure"),
        (TEMPERATURE, "Die mittlere Temperatur in Bern lag im Jahr 2015 bei 8.8 °C.", "language"),
        (TEMPERATURE, "The mean temperature in Bern was 8.8 °C, see https://example.org/more.", "reader"),
        ("The mean", "The mean temperature is known.", "quote"),
    ],
)
def test_what_does_not_stand_in_the_documents_is_left_out_and_counted(
    bench: ResearchBench, tmp_path: Path, quote: str, claim: str, reason: str
) -> None:
    def reader(call: ModelCall) -> object:
        passage = next(p["id"] for p in listed(call, "passages") if "8.8" in p["text"])
        good = {"passage": passage, "quote": TEMPERATURE, "claim": HONEST[TEMPERATURE], "nature": "fact"}
        return {"claims": [{**good, "quote": quote, "claim": claim}, good], "answered": "fully", "leads": []}

    played = players(reader=reader)
    package = bench.run("What was the mean temperature in Bern?", bench.given(write_docx(tmp_path / "a.docx")), models=played.desk)
    assert supports(package) == {HONEST[TEMPERATURE]: "entailed"}
    assert package.dropped == 1
    assert [detail["dropped"] for detail in bench.notes("passages.read")] == [{reason: 1}]
    assert any("left out" in text for text in package.limitations)


@pytest.mark.parametrize("passage", ["p99", "p1; DROP", ""])
def test_a_reader_that_names_passages_it_was_not_given_is_told_so_and_then_code_quotes(
    bench: ResearchBench, tmp_path: Path, passage: str
) -> None:
    invented = {"claims": [{"passage": passage, "quote": TEMPERATURE, "claim": "It was warm.", "nature": "fact"}], "answered": "fully"}
    played = players(reader=lambda call: invented)
    package = bench.run("What was the mean temperature in Bern?", bench.given(write_docx(tmp_path / "a.docx")), models=played.desk)
    bench.check_citations(package)
    assert "no claim can be kept: the passage was not listed" in played.rejected[0][1]
    assert [(c.text, c.support) for c in package.claims] == [(TEMPERATURE, "verbatim"), ("Bern | 8.8", "verbatim")]
    assert package.claims[0].prompt_version is None
    assert bench.flags == {"tier_extractive"}


def test_invented_quotes_alone_leave_what_the_extractive_tier_gives(bench: ResearchBench, tmp_path: Path) -> None:
    def invents(call: ModelCall) -> object:
        claims = [
            {"passage": p["id"], "quote": f"Nobody ever wrote these words {p['id']}.", "claim": "So it is.", "nature": "fact"}
            for p in listed(call, "passages")
        ]
        return {"claims": claims, "answered": "fully", "leads": []}

    files = bench.given(write_pdf(tmp_path / "report.pdf"))
    package = bench.run(QUESTION, files, models=players(reader=invents).desk)
    plain = bench.run(QUESTION, files, mission="m_2")
    assert [c.text for c in package.claims] == [c.text for c in plain.claims]
    assert statuses(package) == statuses(plain)


def test_empty_answers_end_soon_and_answer_nothing(bench: ResearchBench, tmp_path: Path) -> None:
    played = Players(
        planner=lambda call: {"parts": []},
        reader=lambda call: {"claims": [], "answered": "fully", "leads": []},
        auditor=lambda call: {"verdicts": []},
        synthesizer=lambda call: {"status": "answered"},
    )
    package = bench.run(QUESTION, bench.given(write_pdf(tmp_path / "report.pdf")), models=played.desk)
    assert statuses(package) == ["not_answered", "not_answered"]
    assert package.claims == ()
    assert len(bench.notes("round.audited")) == 2
