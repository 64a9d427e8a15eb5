"""Columns whose values come again each year (halves, quarters, months, semesters) beside a year or dates. The truth is summed by hand."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import pytest

from shared.sandbox import CodeSandbox
from tests.support.asking import Answer, as_csv, ask_all
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

CHANCE = random.Random(37)
YEARS = (2021, 2022, 2023, 2024)
HALVES = [(y, h, CHANCE.randint(100, 900)) for y in YEARS for h in (1, 2) for _ in "ab"]
DAYS = [dt.date(2022, 1, 1) + dt.timedelta(days=3 * i) for i in range(360)]
DATED = [(d, f"{d:%B}", f"Q{(d.month + 2) // 3}", f"H{1 + (d.month > 6)}", CHANCE.randint(50, 500)) for d in DAYS]
FORMS = {
    "letters.csv": ("half", {1: "H1", 2: "H2"}),
    "numbers.csv": ("half", {1: "1", 2: "2"}),
    "words.csv": ("half_year", {1: "First half", 2: "Second half"}),
    "ordinals.csv": ("half", {1: "1st", 2: "2nd"}),
}
TABLES = {
    **{file: as_csv(f"year,{column},revenue", [(y, form[h], v) for y, h, v in HALVES]) for file, (column, form) in FORMS.items()},
    "hours.csv": as_csv("year,half,revenue", [(y, f"{h}H", v) for y, h, v in HALVES]),
    "semesters.csv": as_csv("year,semester,revenue", HALVES),
    "dated.csv": as_csv("date,month,quarter,half,revenue", DATED),
    "one_year.csv": as_csv("date,month,quarter,half,revenue", [row for row in DATED if row[0].year == 2023]),
}
POOLED = {
    "What was the total revenue by half?": ("dated.csv", "half", ("H1", "H2")),
    "What was the total revenue by quarter?": ("dated.csv", "quarter", ("Q1", "Q2", "Q3", "Q4")),
    "Which quarter had the highest revenue?": ("dated.csv", "quarter", ()),
    "What was the mean revenue not in Q1?": ("dated.csv", "quarter", ()),
    "total revenue for each half": ("hours.csv", "half", ()),
    "What was the total revenue by semester?": ("semesters.csv", "semester", ("1", "2")),
}


SINCE: dict[str, tuple[str, Callable[[dt.date], bool], str]] = {
    "total revenue in March since 2023": ("dated.csv", lambda d: d.month == 3 and d.year >= 2023, "month"),
    "total revenue in Q1 after 2022": ("dated.csv", lambda d: d.month <= 3 and d.year >= 2023, "quarter"),
    "total revenue in H2 before 2024": ("dated.csv", lambda d: d.month > 6 and d.year < 2024, "half"),
    "total revenue in March between 2022 and 2023": ("dated.csv", lambda d: d.month == 3 and d.year < 2024, "month"),
}


def _of_half(year: int, half: int) -> int:
    return sum(v for y, h, v in HALVES if (y, h) == (year, half))


@pytest.fixture(scope="module")
def answers(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    questions = {question: file for question, (file, _, _) in POOLED.items()}
    for file in FORMS:
        questions |= {f"{q} ({file})": file for q in ("total revenue per half", "Which half had the highest revenue", "revenue in H2 2023")}
    questions |= {
        "What was the revenue in H1 here?": "letters.csv",
        "revenue in Q1 2024": "letters.csv",
        "revenue by quarter here": "letters.csv",
    }
    questions |= {question: file for question, (file, _, _) in SINCE.items()}
    questions |= {"total revenue in H1 since 2023": "letters.csv", "total revenue in H1 since 2023 by year": "letters.csv"}
    questions["total revenue in H1 2023"] = "dated.csv"
    questions["How did revenue change from H1 2022 to H1 2024?"] = "words.csv"
    questions["What was the total revenue by quarter here?"] = "one_year.csv"
    return ask_all(sandbox, tmp_path_factory.mktemp("recurring"), TABLES, questions)


@pytest.mark.parametrize("file", FORMS)
def test_the_halves_beside_a_year_are_kept_apart_by_it(answers: dict[str, Answer], file: str) -> None:
    totals = {f"{y}-H{h}": _of_half(y, h) for y in YEARS for h in (1, 2)}
    best, worst = max(totals, key=lambda k: totals[k]), min(totals, key=lambda k: totals[k])
    listed, ranked, one = (
        answers[f"{q} ({file})"] for q in ("total revenue per half", "Which half had the highest revenue", "revenue in H2 2023")
    )
    assert f"The total revenue in {best} is {totals[best]} (the highest)." in listed.statements, listed
    assert f"The total revenue in {worst} is {totals[worst]} (the lowest)." in listed.statements
    assert ranked.statements[0].startswith(f"{best} has the highest total revenue: {totals[best]} (8 groups")
    assert one.has(_of_half(2023, 2)), one
    assert 'the halves of different years are kept apart, by "year"' in listed.notes


def test_a_half_of_several_years_needs_its_year(answers: dict[str, Answer]) -> None:
    assert '"H1" needs its year' in (answers["What was the revenue in H1 here?"].refusal or "")


def test_a_quarter_is_not_told_by_halves(answers: dict[str, Answer]) -> None:
    assert "cannot tell" in (answers["revenue in Q1 2024"].refusal or "")
    assert "cannot tell a quarter" in (answers["revenue by quarter here"].refusal or "")


def test_halves_in_two_columns_are_set_against_each_other(answers: dict[str, Answer]) -> None:
    answer = answers["How did revenue change from H1 2022 to H1 2024?"]
    assert answer.has(_of_half(2024, 1) - _of_half(2022, 1)), answer


@pytest.mark.parametrize("question", POOLED)
def test_what_is_of_all_years_together_is_said_to_be(answers: dict[str, Answer], question: str) -> None:
    _, column, _ = POOLED[question]
    assert f'the rows of one "{column}" are those of all years together; ask by year for each of them' in answers[question].notes


@pytest.mark.parametrize("question", [q for q, (_, _, groups) in POOLED.items() if groups])
def test_the_total_of_all_years_is_that_of_their_rows(answers: dict[str, Answer], question: str) -> None:
    file, column, groups = POOLED[question]
    rows = (
        [(str(h), v) for _, h, v in HALVES] if file == "semesters.csv" else [(h if column == "half" else q, v) for _, _, q, h, v in DATED]
    )
    for group in groups:
        total = sum(v for g, v in rows if g == group)
        assert any(s.startswith(f"For {column} {group}, the total revenue is {total} (") for s in answers[question].statements)


@pytest.mark.parametrize("question", SINCE)
def test_a_part_of_several_years_that_are_asked_for_says_so(answers: dict[str, Answer], question: str) -> None:
    _, inside, column = SINCE[question]
    answer = answers[question]
    assert answer.has(sum(row[-1] for row in DATED if inside(row[0]))), answer
    assert f'the rows of one "{column}" are those of all years that are asked for together; ask by year for each of them' in answer.notes


def test_a_half_since_a_year_says_which_rows_it_adds_up_and_by_year_it_does_not(answers: dict[str, Answer]) -> None:
    together, apart = answers["total revenue in H1 since 2023"], answers["total revenue in H1 since 2023 by year"]
    assert together.has(_of_half(2023, 1) + _of_half(2024, 1)) and any("all years that are asked for" in n for n in together.notes)
    assert [int(s.split()[-1].rstrip(".")) for s in apart.statements] == [_of_half(2023, 1), _of_half(2024, 1)] and not apart.notes


def test_a_part_of_one_year_is_of_that_year_alone(answers: dict[str, Answer]) -> None:
    answer = answers["total revenue in H1 2023"]
    assert answer.has(sum(row[-1] for row in DATED if row[0].year == 2023 and row[0].month <= 6)) and not answer.notes, answer


def test_of_a_single_year_nothing_is_thrown_together(answers: dict[str, Answer]) -> None:
    answer = answers["What was the total revenue by quarter here?"]
    assert not answer.notes and answer.statements, answer
