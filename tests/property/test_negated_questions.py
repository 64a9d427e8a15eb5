"""A negation turns a condition round or is refused: no question with one is answered as if it were not there."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading
from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints
from shared.sandbox import CodeSandbox
from tests.support.operations import carry_out, describe, write
from tests.support.questions import PEOPLE, SALES, WEATHER
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]


@dataclass(frozen=True)
class Row:
    """A visit; ``day`` may be missing."""

    town: str
    day: dt.date | None
    income: int


def _rows() -> list[Row]:
    days = [dt.date(2021, 1, 5) + dt.timedelta(days=17 * i) for i in range(84)]
    return [Row(("Bern", "Chur", "Thun")[i % 3], None if i % 20 == 7 else day, 100 + 7 * i) for i, day in enumerate(days)]


ROWS = _rows()
Inside = Callable[[dt.date], bool]
PERIODS: dict[str, Inside] = {
    "in 2022": lambda d: d.year == 2022,
    "2022": lambda d: d.year == 2022,
    "in the year 2022": lambda d: d.year == 2022,
    "in March 2023": lambda d: (d.year, d.month) == (2023, 3),
    "during March 2023": lambda d: (d.year, d.month) == (2023, 3),
    "before 2022": lambda d: d.year < 2022,
    "before March 2023": lambda d: (d.year, d.month) < (2023, 3),
    "after 2022": lambda d: d.year > 2022,
    "since 2023": lambda d: d.year >= 2023,
    "until 2022": lambda d: d.year <= 2022,
    "between 2021 and 2022": lambda d: 2021 <= d.year <= 2022,
    "from 2022 to 2023": lambda d: 2022 <= d.year <= 2023,
    "in 2021 or 2023": lambda d: d.year in (2021, 2023),
    "in 2021 and 2023": lambda d: d.year in (2021, 2023),
}
NEGATIONS = (
    "not",
    "never",
    "except",
    "except for",
    "excluding",
    "without",
    "other than",
    "apart from",
    "aside from",
    "besides",
    "outside",
    "outside of",
    "not only",
    "not just",
    "not placed",
    "not recorded",
    "no",
    "neither",
    "none",
    "barring",
    "ignoring",
    "but not",
    "all but",
    "minus",
    "not other than",
    "excluding visits",
    "excluding visits recorded",
    "without visits",
)
QUESTIONS = {
    "What is the total income {}?": "sum",
    "How many visits were there {}?": "count",
    "What is the mean income of Bern {}?": "mean",
    "How many visits weren't recorded {plain}?": "count",
    "How many visits did not happen {plain}?": "count",
}
MUST_ANSWER = (
    "What is the total income except 2022?",
    "What is the total income not in 2022?",
    "What is the total income without 2022?",
    "What is the total income excluding 2022?",
    "What is the total income other than in 2022?",
    "What is the total income outside 2022?",
    "What is the total income not before 2022?",
    "What is the total income not between 2021 and 2022?",
    "How many visits were there excluding visits in March 2023?",
    "How many visits weren't recorded in March 2023?",
    "What is the total income not in 2021 or 2023?",
)


def _truth(question: str, statistic: str, inside: Inside) -> float:
    kept = [r for r in ROWS if r.day is not None and not inside(r.day) and ("Bern" not in question or r.town == "Bern")]
    total = float(sum(r.income for r in kept))
    return float(len(kept)) if statistic == "count" else total if statistic == "sum" else total / len(kept)


def _cases() -> dict[str, float]:
    """Every question with its answer."""
    found: dict[str, float] = {}
    for (template, statistic), (period, inside) in itertools.product(QUESTIONS.items(), PERIODS.items()):
        for negation in NEGATIONS:
            question = template.format(f"{negation} {period}", plain=period)
            found[question] = _truth(question, statistic, inside)
    return found


def _read(question: str, *files: FileDescription) -> tuple[OperationSpec, ...] | None:
    """The specs of a reading; nothing where it is refused."""
    outcome = read_question(SubQuestion(id="q1", text=question), files, ReadingHints())
    return outcome.specs if isinstance(outcome, Reading) else None


@pytest.mark.bubblewrap
def test_a_negated_period_gives_the_rows_of_all_other_times_or_a_refusal(sandbox: CodeSandbox, tmp_path: Path) -> None:
    lines = [f"{r.town},{r.day or ''},{r.income}" for r in ROWS]
    data = [write(tmp_path, "visits.csv", "\n".join(["town,day,income", *lines]) + "\n")]
    description = describe(sandbox, data, tmp_path / "described")["visits.csv"]
    cases = _cases()
    read = {question: specs for question in cases if (specs := _read(question, description)) is not None}
    different = {spec.model_dump_json(): spec for specs in read.values() for spec in specs}
    outcomes = dict(zip(different, carry_out(sandbox, data, list(different.values()), tmp_path / "out"), strict=True))
    wrong, silent = {}, []
    for question, specs in read.items():
        assert len(specs) == 1
        outcome = outcomes[specs[0].model_dump_json()]
        if outcome.result.refusal is not None:
            continue
        if not any(isinstance(v, int | float) and abs(v - cases[question]) < 1e-6 for v in outcome.values.values()):
            wrong[question] = (cases[question], specs[0].filters)
        if not any("have no `day`" in limit for limit in outcome.result.limitations):
            silent.append(question)
    assert not wrong
    assert not silent
    assert set(MUST_ANSWER) <= set(cases)
    assert not [q for q in MUST_ANSWER if q not in read]


PLAIN = (
    ("What is the total of sales in 2012?", SALES),
    ("What is the total of sales between 2010 and 2012?", SALES),
    ("What is the mean temperature in Bern since 2010?", WEATHER),
    ("Which station had the highest temperature in March 2015?", WEATHER),
    ("Did the temperature rise?", WEATHER),
    ("Is it warmer in Bern than in Chur?", WEATHER),
    ("How is rain related to temperature?", WEATHER),
    ("What is the distribution of rain in Bern or Chur?", WEATHER),
    ("Does the temperature rise faster in the north than in the south?", WEATHER),
    ("How did the mean temperature change from 2001 to 2010?", WEATHER),
    ("What is the mean income of women older than 60?", PEOPLE),
    ("What share of women are from Bern?", PEOPLE),
    ("How many women live in Bern?", PEOPLE),
    ("How many members are there by town?", PEOPLE),
)
INSERTED = ("not", "no", "never", "didn't", "without", "except", "other than", "not counting")


@pytest.mark.parametrize(("question", "described"), PLAIN)
def test_no_negation_anywhere_in_a_question_leaves_its_reading_as_it_was(question: str, described: FileDescription) -> None:
    plain = _read(question, described)
    assert plain is not None
    words = question.rstrip("?").split()
    same = []
    for negation, at in itertools.product(INSERTED, range(len(words) + 1)):
        negated = " ".join([*words[:at], negation, *words[at:]]) + "?"
        if " no of " in negated or " or not?" in negated:  # "no." for a number, and "or not" says nothing
            continue
        if _read(negated, described) == plain:
            same.append(negated)
    assert not same
