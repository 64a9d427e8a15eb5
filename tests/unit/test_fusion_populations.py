"""Whom a finding and a sentence speak of: conditions of the data and words of a text, brought together."""

from __future__ import annotations

import pytest

from functions.fusion.alignment import Side, judge
from functions.fusion.populations import row_words, time_columns, with_entity, without_row_words
from schemas.analysis import ColumnDescription, FileDescription, TableDescription
from schemas.assertion import Assertion

FILE = FileDescription(
    file="penguins.csv",
    sha256="0" * 64,
    format="csv",
    tables=(
        TableDescription(
            name="penguins",
            rows=344,
            columns=(
                ColumnDescription(name="species", dtype="string", role="category"),
                ColumnDescription(name="island", dtype="string", role="category"),
                ColumnDescription(name="year", dtype="integer", role="time"),
            ),
        ),
    ),
    analyzer="test",
    analyzer_version="1",
)
ROWS, TIMES = row_words([FILE]), time_columns([FILE])


def finding(population: str | None) -> Assertion:
    return Assertion(
        measure="body_mass_g", statistic="mean", comparator="=", value=5076.0, unit="g", digits=1, period="2007/2009", population=population
    )


def claim(entity: str | None, value: float) -> Assertion:
    return Assertion(
        measure="body mass", statistic="mean", comparator="=", value=value, unit="g", digits=0, period="2007/2009", entity=entity
    )


@pytest.mark.parametrize(
    ("population", "entity", "left"),
    [
        ("species is Gentoo", "Gentoo", None),
        ("species is Gentoo and year is 2008", "Gentoo", None),
        ("year is 2008", None, None),
        ("species is Gentoo or Adelie", None, "species is Gentoo or Adelie"),
        ("species is not Gentoo", None, "species is not Gentoo"),
        ("body_mass_g is above 5000", None, "body_mass_g is above 5000"),
        ("species is Gentoo and island is Dream", None, "species is Gentoo and island is Dream"),
    ],
)
def test_one_condition_is_whom_a_finding_is_about(population: str, entity: str | None, left: str | None) -> None:
    found = with_entity(finding(population), TIMES)
    assert (found.entity, found.population) == (entity, left)


@pytest.mark.parametrize(
    ("said", "entity"), [("Gentoo penguins", "Gentoo"), ("Dream island", "Dream"), ("penguins", None), ("Bern", "Bern")]
)
def test_words_for_the_rows_are_no_part_of_whom_a_sentence_is_about(said: str, entity: str | None) -> None:
    assert without_row_words(claim(said, 1), ROWS).entity == entity


@pytest.mark.parametrize(("value", "verdict"), [(5076, "agree"), (4500, "conflict")])
def test_a_sentence_about_gentoo_penguins_meets_the_rows_where_species_is_gentoo(value: float, verdict: str) -> None:
    stated = without_row_words(claim("Gentoo penguins", value), ROWS)
    found = with_entity(finding("species is Gentoo"), TIMES)
    judgement = judge(Side(stated, "document"), Side(found, "data"))
    assert judgement is not None
    assert judgement.verdict == verdict
