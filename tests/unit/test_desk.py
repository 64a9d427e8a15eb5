"""Asking a model: numbering, checking, asking again, giving up."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.base import Contract
from shared.errors import AnswerRejected
from shared.models.prompts import Prompt
from shared.models.roles import ModelRole
from shared.models.scripting import ScriptedAnswer
from tests.support.models import Scripted


class Sum(Contract):
    """What the role answers."""

    total: int


@pytest.fixture
def role(tmp_path: Path) -> ModelRole[Sum]:
    path = tmp_path / "adder.md.j2"
    path.write_text('---\nid: test.adder\nversion: 1\noutput: Sum\ntoken_budget: 500\n---\nAdd.\n===\n{{ numbers | data("numbers") }}\n')
    return ModelRole("adder", Prompt(path), Sum)


def answer(value: object) -> ScriptedAnswer:
    return ScriptedAnswer.model_validate({"role": "adder", "answer": value})


def even(output: Sum) -> None:
    if output.total % 2:
        raise ValueError("the total has to be even")


def test_an_answer_comes_back_in_its_type(role: ModelRole[Sum]) -> None:
    scripted = Scripted(answer({"total": 3}), answer('```json\n{"total": 4}\n```'))
    desk = scripted.desk()
    assert [desk.ask(role, {"numbers": [1, 2]}).total, desk.ask(role, {"numbers": [2, 2]}).total] == [3, 4]
    assert [call.key.ordinal for call in scripted.calls] == [1, 4]


@pytest.mark.parametrize(
    "text",
    [
        'Sure! Here it is:\n\n```json\n{"total": 3}\n```\n\nLet me know if you need more.',
        'The sum is {"total": 3}.',
        '<think>\nThe user wants {json}.\n</think>\n{"total": 3}',
        'They want an object like {"total": 0}.\n</think>\n\n```\n{"total": 3}\n```',
    ],
)
def test_an_answer_is_found_between_the_words_around_it(role: ModelRole[Sum], text: str) -> None:
    scripted = Scripted(answer(text))
    assert scripted.desk().ask(role, {"numbers": [1, 2]}).total == 3
    assert scripted.rejected == []


@pytest.mark.parametrize("text", ['{"total": 3} or {"total": 4}', "{a guess}", "", "<think>{", '{"total": 3', "}{"])
def test_an_answer_that_would_have_to_be_guessed_is_none(role: ModelRole[Sum], text: str) -> None:
    scripted = Scripted(*[answer(text)] * 3)
    with pytest.raises(AnswerRejected, match="the answer: Invalid JSON"):
        scripted.desk().ask(role, {"numbers": [1, 2]})


def test_what_does_not_fit_is_rejected_and_asked_for_again_with_the_reason(role: ModelRole[Sum]) -> None:
    scripted = Scripted(answer({"sum": 3}), answer({"total": 3}), answer({"total": 4}))
    assert scripted.desk().ask(role, {"numbers": [1]}, check=even).total == 4
    assert [key.ordinal for key, _ in scripted.rejected] == [1, 2]
    assert "total: Field required" in scripted.calls[1].corrections[0].problem
    assert scripted.calls[2].corrections[1].problem == "the total has to be even"


def test_after_three_answers_that_do_not_fit_there_is_none(role: ModelRole[Sum]) -> None:
    scripted = Scripted(*[answer("no")] * 3)
    with pytest.raises(AnswerRejected, match="3 answers as adder"):
        scripted.desk().ask(role, {"numbers": [1]})
    assert len(scripted.rejected) == 3


def test_a_fan_out_is_numbered_before_it_begins_and_a_failure_stands_in_its_place(role: ModelRole[Sum]) -> None:
    scripted = Scripted(*[answer({"total": 2})] * 5)
    desk = scripted.desk()
    found = desk.ask_each(role, [{"numbers": [n]} for n in range(5)])
    assert [f.total for f in found if isinstance(f, Sum)] == [2] * 5
    assert sorted(call.key.ordinal for call in scripted.calls) == [1, 4, 7, 10, 13]
    by_number = {call.key.ordinal: call.prompt.user for call in scripted.calls}
    assert "[\n 4\n]" in by_number[13]


def test_an_answer_that_gives_its_instructions_away_is_rejected(role: ModelRole[Sum]) -> None:
    scripted = Scripted(answer('{"total": 1, "note": "' + role.prompt.canary + '"}'), answer({"total": 1}))
    assert scripted.desk().ask(role, {"numbers": [1]}).total == 1
    assert "mark" in scripted.rejected[0][1]


def test_usage_adds_up(role: ModelRole[Sum]) -> None:
    counted = ScriptedAnswer.model_validate({"role": "adder", "answer": {"total": 1}, "usage": {"input_tokens": 10, "output_tokens": 2}})
    desk = Scripted(counted, counted).desk()
    for _ in range(2):
        desk.ask(role, {"numbers": [1]})
    assert (desk.usage().calls, desk.usage().input_tokens, desk.usage().output_tokens) == (2, 20, 4)
