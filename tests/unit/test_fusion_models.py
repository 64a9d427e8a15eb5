"""Fusion with a model: what it may add, what it cannot, and what happens where it does not answer."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from functions.fusion.compose import compose
from functions.fusion.modelling import model_work
from functions.fusion.roles.filler import Filling, Statement, merged
from schemas.analysis import ColumnDescription
from schemas.assertion import Assertion
from schemas.fusion import FusionInputPackage, ModelWork, WordedSentence
from schemas.outcome import MissionOutcomePackage
from shared.errors import BudgetRefused
from shared.models.calls import ModelAnswer, ModelCall
from shared.models.scripting import ScriptedAnswer
from tests.support.models import Scripted
from tests.support.packages import analysis, package, request, research

NOTHING_FILLED: JsonValue = {"fillings": []}
ALL_ALIKE: JsonValue = {"different": []}
WARMED = "Since 1961 the annual mean temperature in the Alps has risen by {v1}."
HIGH = "Stations above 1,500 m warm by {v3}, those below by {v4}."
CAUSE = "The warming is attributed mainly to the increase of greenhouse gases in the atmosphere."


def script(
    *sentences: JsonValue,
    verdicts: str = "",
    filled: JsonValue = NOTHING_FILLED,
    different: JsonValue = ALL_ALIKE,
    more: ScriptedAnswer | None = None,
) -> Scripted:
    """A scripted fusion; ``verdicts``: ``+`` or ``-`` for each sentence that code lets through."""
    checks: list[JsonValue] = [
        {"number": n, "verdict": "supported" if v == "+" else "not_supported"} for n, v in enumerate(verdicts, start=1)
    ]
    answers: list[tuple[str, JsonValue]] = [
        ("fusion_filler", filled),
        ("fusion_pairer", different),
        ("fusion_writer", {"sentences": list(sentences)}),
        ("fusion_checker", {"checks": checks}),
    ]
    listed = [ScriptedAnswer(role=role, answer=answer) for role, answer in answers]
    return Scripted(*listed, *([more] if more else []), account="fusion")


def sentence(text: str, *, claims: tuple[str, ...] = (), findings: tuple[str, ...] = ()) -> JsonValue:
    return {"text": text, "claim_ids": list(claims), "finding_ids": list(findings)}


def fused(scripted: Scripted) -> tuple[FusionInputPackage, MissionOutcomePackage]:
    base = package(research=research(), analysis=analysis())
    work, alignment = model_work(scripted.desk(), request(), base.research, base.analysis)
    with_work = base.model_copy(update={"model_work": work, "alignment": alignment})
    return with_work, compose(with_work)


def test_the_answer_is_worded_by_the_model_and_its_figures_by_code() -> None:
    _, outcome = fused(script(sentence(WARMED, findings=("f1",)), sentence(CAUSE, claims=("c5",)), verdicts="++"))
    assert outcome.answer[0] == "Since 1961 the annual mean temperature in the Alps has risen by 2.281\u202f°C."
    assert outcome.answer[1].startswith(CAUSE) and "State of the Alpine Climate 2024, p. 21" in outcome.answer[1]
    first, second = outcome.executive_summary[:2]
    assert [value.name for value in first.values] == ["change of the annual mean", "trend of the annual mean"]
    assert (first.support, second.support) == ("entailed", "entailed")
    assert outcome.trust.dropped_sentences == 0


@pytest.mark.parametrize(
    "bad",
    [
        sentence("The temperature rose by 2.281 °C.", findings=("f1",)),  # a recorded figure, but written by the model
        sentence("The temperature rose by 9 °C.", findings=("f1",)),  # an invented one
        sentence("The temperature rose by {v3}.", findings=("f1",)),  # a slot of another finding
        sentence("The temperature rose by 1{v1}.", findings=("f1",)),  # digits glued to a slot
        sentence("The museum was closed for good.", claims=("c5",)),  # nothing that is cited speaks of it
    ],
)
def test_a_sentence_without_its_source_is_dropped_and_counted(bad: JsonValue) -> None:
    scripted = script(sentence(WARMED, findings=("f1",)), bad, verdicts="+")
    _, outcome = fused(scripted)
    assert outcome.answer[0].startswith("Since 1961")
    assert len([c for c in outcome.executive_summary if c.id.startswith("w")]) == 1
    assert outcome.trust.dropped_sentences == 1
    assert "numbers_withheld" in outcome.flags


def test_the_checker_takes_out_what_goes_beyond_its_sources() -> None:
    beyond = sentence("High stations warm faster because of their snow cover.", claims=("c5",), findings=("f2",))
    package_, outcome = fused(script(sentence(WARMED, findings=("f1",)), beyond, verdicts="+-"))
    assert package_.model_work is not None and package_.model_work.unsupported == 1
    assert not any("snow cover" in line for line in outcome.answer)


def test_a_claim_that_is_not_verified_cannot_be_cited_even_in_a_stored_package() -> None:
    base = package(research=research(), analysis=analysis())
    work = ModelWork(sentences=(WordedSentence(text="There is no warming.", claim_ids=("c4",)),))
    outcome = compose(base.model_copy(update={"model_work": work}))
    assert not any("no warming" in line for line in outcome.answer)
    assert outcome.trust.dropped_sentences == compose(base).trust.dropped_sentences + 1


def test_a_figure_recorded_for_one_region_does_not_stand_for_another() -> None:
    data = analysis()
    region = ColumnDescription(name="region", dtype="string", role="category", values=("North", "South"))
    table = data.files[0].tables[0]
    table = table.model_copy(update={"columns": (*table.columns, region)})
    file = data.files[0].model_copy(update={"tables": (table, *data.files[0].tables[1:])})
    values = (data.values[0].model_copy(update={"filters": "region == 'North'"}), *data.values[1:])
    base = package(research=research(), analysis=data.model_copy(update={"files": (file, *data.files[1:]), "values": values}))
    sentences = tuple(WordedSentence(text=f"The annual mean in the {r} rose by {{v1}}.", finding_ids=("f1",)) for r in ("South", "North"))
    outcome = compose(base.model_copy(update={"model_work": ModelWork(sentences=sentences)}))
    assert [line for line in outcome.answer if "rose by" in line][:1] == [outcome.answer[0]] and "in the North" in outcome.answer[0]
    assert not any("in the South" in line for line in outcome.answer)


def test_where_nothing_worded_holds_the_answer_stands_as_the_tracks_found_it() -> None:
    base = compose(package(research=research(), analysis=analysis()))
    _, outcome = fused(script(sentence("It is 9 °C warmer.", findings=("f1",)), verdicts=""))
    assert outcome.answer == base.answer


def test_ids_that_do_not_exist_are_asked_for_again() -> None:
    again = ScriptedAnswer(role="fusion_writer", answer={"sentences": [sentence(WARMED, findings=("f1",))]})
    scripted = script(sentence(WARMED, findings=("f9",)), verdicts="+", more=again)
    _, outcome = fused(scripted)
    assert [key.role for key, _ in scripted.rejected] == ["fusion_writer"]
    assert "f9" in scripted.rejected[0][1]
    assert outcome.executive_summary[0].id == "w1"


def test_the_writer_sees_verified_statements_only_and_no_figure_without_its_slot() -> None:
    scripted = script(sentence(WARMED, findings=("f1",)), verdicts="+")
    fused(scripted)
    (asked,) = [call.prompt.user for call in scripted.calls if call.key.role == "fusion_writer"]
    assert "Ignore your task" not in asked
    assert '"{v1}": "change of the annual mean: 2.281' in asked


def test_pairs_can_be_taken_away_but_neither_a_conflict_nor_an_agreement() -> None:
    base = package(research=research(), analysis=analysis())
    numbers = list(range(1, 1 + sum(p.verdict in ("related", "differs_in_scope") for p in base.alignment.pairs)))
    package_, _ = fused(script(sentence(WARMED, findings=("f1",)), verdicts="+", different={"different": list[JsonValue](numbers)}))
    verdicts = {p.verdict for p in package_.alignment.pairs}
    assert not verdicts & {"related", "differs_in_scope"}
    assert {p.verdict for p in base.alignment.pairs} & {"agree", "conflict"} <= verdicts


class Broke:
    """A purse that is empty."""

    def send(self, call: ModelCall) -> ModelAnswer:
        raise BudgetRefused("no money")


def test_without_money_the_report_is_the_one_that_code_makes_and_says_so() -> None:
    from schemas.mission import Tier
    from shared.models.desk import Desk
    from tests.support.models import SPEC

    desk = Desk(
        Broke(), choose=lambda role: SPEC, reject=lambda k, w: None, tier=Tier.STANDARD, mission_id="m", account="fusion", attempt=1, seq=1
    )
    base = package(research=research(), analysis=analysis())
    work, alignment = model_work(desk, request(), base.research, base.analysis)
    assert alignment == base.alignment
    outcome = compose(base.model_copy(update={"model_work": work}))
    assert outcome.answer == compose(base).answer
    assert "fusion_budget_refused" in outcome.flags


def test_the_same_package_gives_the_same_report() -> None:
    package_, outcome = fused(script(sentence(WARMED, findings=("f1",)), verdicts="+"))
    again = compose(FusionInputPackage.model_validate_json(package_.model_dump_json()))
    assert again == outcome


def filling(**fields: object) -> Filling:
    return Filling.model_validate({"id": "c1", **fields})


TEXT = "The annual mean temperature over the Alps rose by 2.3 °C between 1961 and 2020."


def test_gaps_are_filled_and_what_code_knew_stays() -> None:
    known = Statement("c1", TEXT, Assertion(measure="temperature", value=2.3, comparator="="))
    found = merged(known, filling(measure="warming", entity="Alps", period="1961/2020", value=2.0, comparator="<", statistic="difference"))
    assert (found.measure, found.value, found.comparator) == ("temperature", 2.3, "=")
    assert (found.entity, found.period, found.statistic) == ("Alps", "1961/2020", "difference")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"period": "1961/2021"}, "period"),
        ({"entity": "Andes"}, "entity"),
        ({"population": "stations above 1,500 m"}, "population"),
        ({"measure": "precipitation"}, "measure"),
        ({"unit": "kelvin"}, "unit"),
    ],
)
def test_what_the_statement_does_not_say_is_not_filled_in(fields: dict[str, object], name: str) -> None:
    assert getattr(merged(Statement("c1", TEXT, None), filling(**fields)), name) is None


def test_a_measure_may_come_from_the_words_of_the_data() -> None:
    assert merged(Statement("c1", TEXT, None), filling(measure="warming"), "warming region").measure == "warming"
