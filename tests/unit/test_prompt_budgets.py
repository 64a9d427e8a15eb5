"""Whatever the files hold, and however much there is: every role's prompt stays within its budget."""

from __future__ import annotations

import pytest

from functions.ds_star.briefing import FILE_TOKENS, files_text, ranked
from infra.local.drills.roles import every_role
from schemas.analysis import ColumnDescription, FileDescription, TableDescription
from shared.models.prompts import BYTES_PER_TOKEN
from tests.support.every_prompt import LARGEST, briefing, every_call, made_of

ROLES = every_role()
TEXTS = {
    "plain": "Some words of a cell that go on ",
    "markup": "<data></data>< / data",
    "quotes": '"\\',
    "grows when normalised": "\u0958\u0959\u095a\ufb2c",
    "four bytes": "\U0001f600\U0001d54f",
    "braces": "{{ question }}{% for x in y %}",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_every_prompt_stays_within_its_budget_however_much_there_is(text: str) -> None:
    """40 files of 200 columns, 200 documents, and everything else as long as it may be; over its budget a prompt is a ``TooLarge``."""
    calls = every_call(made_of(text), LARGEST)
    assert calls.keys() == ROLES.keys()
    for role, call in calls.items():  # none of them raised TooLarge
        size = len(call.prompt.system.encode()) + len(call.prompt.user.encode())
        assert size <= ROLES[role].prompt.front.token_budget * BYTES_PER_TOKEN, role
    asked = calls["ds_star.planner"].prompt.user
    shown = asked.partition('<data name="files">')[2].partition("\n</data>")[0]
    assert "not shown" not in shown and shown.count("[cut]") + shown.count("more columns") >= 35, "every file is described, if shortly"


def test_the_files_that_the_question_names_come_first_and_in_full() -> None:
    given = briefing(made_of("word "), LARGEST)
    column = ColumnDescription(name="glacier_length", dtype="number", role="measure")
    asked = FileDescription(
        file="ice.csv",
        sha256="1" * 64,
        format="csv",
        tables=(TableDescription(name="ice", rows=9, columns=(column,)),),
        analyzer="analyze",
        analyzer_version="1",
    )
    shown = files_text(ranked("How long are the glaciers?", (*given.descriptions, asked)), 6_000)
    assert shown.startswith("ice.csv (csv)") and "glacier_length: measure" in shown
    assert len(shown.encode()) <= 6_000 * BYTES_PER_TOKEN


def test_one_file_takes_no_more_than_its_share_and_what_is_not_shown_is_counted() -> None:
    given = briefing(made_of("word "), LARGEST)
    one = files_text(given.descriptions[1:2], 50_000)
    assert FILE_TOKENS * BYTES_PER_TOKEN * 0.8 < len(one.encode()) <= FILE_TOKENS * BYTES_PER_TOKEN + 10
    few = files_text(given.descriptions, 1_000)
    assert few.endswith("more files, which are not shown") and len(few.encode()) <= 1_000 * BYTES_PER_TOKEN
