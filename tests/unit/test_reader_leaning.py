"""Parts of a question that lean on the part before, and questions for both ends: never an answer to another question."""

from __future__ import annotations

import pytest

from functions.ds_star.operation import Filter, OperationSpec
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints
from shared.language.split import split_question
from tests.support.questions import PEOPLE, WEATHER, column, file

BANK = file(
    "bank.csv",
    column("booked", "time", 300, minimum="2022-01-03", maximum="2024-12-28"),
    column("category", "category", 3, values=("Rent", "Salary", "Travel")),
    column("account", "category", 2, values=("Giro", "Card")),
    column("amount_eur", "measure", unit="EUR", additive=True),
)
TRAVEL = Filter(column="category", op="==", values=("Travel",))


def parts(question: str) -> list[Reading | Refusal]:
    """What is made of each part, in its order."""
    outcomes: list[Reading | Refusal] = []
    before: OperationSpec | None = None
    for part in split_question(question):
        outcomes.append(found := read_question(part, [BANK], ReadingHints(), before))
        before = found.specs[0] if isinstance(found, Reading) else before
    return outcomes


def read(question: str, *files: FileDescription) -> Reading | Refusal:
    return read_question(SubQuestion(id="q1", text=question), list(files) or [WEATHER], ReadingHints())


@pytest.mark.parametrize(
    ("question", "operation"),
    [
        ("What is the mean amount_eur of Travel and what is its median?", "median"),
        ("What is the total amount_eur of Travel? Did it rise?", "trend"),
        ("How many rows are in the category Travel, and what is their mean amount_eur?", "mean"),
        ("How many rows are in the category Travel, and what is the mean amount_eur of these?", "mean"),
        ("How many rows are in the category Travel and how many of those are in 2023?", "count"),
        ("What is the total amount_eur of Travel and how many rows does it have?", "count"),
        ("What is the total amount_eur of Travel? And what is the mean?", "mean"),
        ("What is the total amount_eur of Travel, and what is the median amount_eur there?", "median"),
    ],
)
def test_a_part_that_leans_on_the_one_before_is_of_the_same_rows(question: str, operation: str) -> None:
    last = parts(question)[-1]
    assert isinstance(last, Reading), last
    assert (last.specs[0].operation, TRAVEL in last.specs[0].filters) == (operation, True)
    assert any("the rows that the part before speaks of, where category = Travel" in note for note in last.notes)


@pytest.mark.parametrize(
    "question",
    [
        "Which category has the highest amount_eur, and how many rows does it have?",
        "Which category has the highest amount_eur, and how did it change from 2022 to 2023?",
        "Which category has the highest amount_eur and what was the total?",
        "What is the mean amount_eur by category and what is the median?",
    ],
)
def test_a_part_that_may_speak_of_one_group_of_those_before_is_refused(question: str) -> None:
    last = parts(question)[-1]
    assert isinstance(last, Refusal)
    assert last.kind == "ambiguous" and "category" in last.reason


@pytest.mark.parametrize(
    "question",
    [
        "What is the mean amount_eur of Travel? How many rows are there?",
        "What is the mean amount_eur of Travel? What is the mean amount_eur of Rent?",
        "What is the mean amount_eur of Travel? What is the mean amount_eur by account?",
    ],
)
def test_a_part_that_says_itself_what_it_is_of_leans_on_nothing(question: str) -> None:
    last = parts(question)[-1]
    assert isinstance(last, Reading) and TRAVEL not in last.specs[0].filters


@pytest.mark.parametrize(
    ("question", "descending"),
    [
        ("Which category has the largest total amount_eur, and which the smallest?", [True, False]),
        ("Which category has the lowest total amount_eur and which has the highest?", [False, True]),
        ("Which account has the most rows, and which the fewest?", [True, False]),
        ("Which month had the highest total amount_eur? Which one had the lowest?", [True, False]),
        ("In 2023, which category had the lowest amount_eur and which the highest?", [False, True]),
    ],
)
def test_which_the_lowest_is_the_other_end_of_the_ranking_before(question: str, descending: list[bool]) -> None:
    first, second = parts(question)
    assert isinstance(first, Reading) and isinstance(second, Reading)
    assert [first.specs[0].descending, second.specs[0].descending] == descending
    assert second.specs[0].model_copy(update={"descending": descending[0]}) == first.specs[0]


def test_what_a_sentence_is_about_as_a_whole_holds_for_each_of_its_parts() -> None:
    for outcome in parts("In 2023, what was the total amount_eur, and what was the mean amount_eur?"):
        assert isinstance(outcome, Reading)
        assert [f.values for f in outcome.specs[0].filters] == [("2023",)]
    assert [p.text for p in split_question("For Giro: what is the total, and how did it develop?")] == [
        "For Giro: what is the total",
        "For Giro: how did it develop?",
    ]
    assert [p.text for p in split_question("In 2023, what was the total, and what was it in 2024?")][1] == "what was it in 2024?"


def test_both_ends_are_told_where_both_are_asked_for() -> None:
    ends = read("What is the highest and the lowest temp_mean_c?")
    assert isinstance(ends, Reading) and [s.operation for s in ends.specs] == ["maximum", "minimum"]
    groups = read("Which stations have the highest and lowest mean temp_mean_c?")
    assert isinstance(groups, Reading) and [s.descending for s in groups.specs] == [True, False]
    assert isinstance(read("What are the top 2 stations with the highest rain_mm?"), Reading)
    two = read("Which station has the most rows and the highest rain_mm?")
    assert isinstance(two, Refusal) and 'two things at once ("most" and "highest")' in two.reason


@pytest.mark.parametrize(
    "question",
    [
        "Which day of the week has the highest rain_mm?",
        "What is the total rain_mm by day of the month?",
        "What is the mean temp_mean_c by hour?",
        "What is the mean temp_mean_c for each hour of the day?",
        "At what time of day is it warmest?",
    ],
)
def test_what_no_calendar_period_is_is_refused(question: str) -> None:
    refusal = read(question)
    assert isinstance(refusal, Refusal) and "of the calendar, by which alone times are told" in refusal.reason


def test_a_column_is_not_told_in_a_duration_that_it_does_not_say() -> None:
    stays = file("stays.csv", column("ward", "category", 3), column("stay", "measure", additive=False), rows=100)
    refusal = read("What is the average stay in weeks?", stays)
    assert isinstance(refusal, Refusal) and '"stay" does not say in which unit it is' in refusal.reason
    assert isinstance(read("What is the average stay in days?", stays), Reading)
    assert isinstance(read("What is the average age in years?", PEOPLE), Reading)


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        ("not yes", Filter(column="emergency", op="!=", values=("yes",))),
        ("yes", Filter(column="emergency", op="==", values=("yes",))),
        ("no", Filter(column="emergency", op="==", values=("no",))),
    ],
)
def test_the_name_of_a_yes_or_no_column_stands_for_no_yes_where_its_value_is_said(asked: str, condition: Filter) -> None:
    admissions = file("adm.csv", column("emergency", "flag", 2, values=("yes", "no")), column("stay_days", "measure"))
    found = read(f"How many rows are there where emergency is {asked}?", admissions)
    assert isinstance(found, Reading)
    assert found.specs[0].filters == (condition,)
