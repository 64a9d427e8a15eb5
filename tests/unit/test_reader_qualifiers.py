"""Words that narrow what is asked and that no condition holds: a reading that leaves them out would be about other rows."""

from __future__ import annotations

import pytest

from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import FileDescription
from tests.support.questions import column, file, read, spec_of

STAFF = file(
    "employees.csv",
    column("employee_id", "id", 300),
    column("department", "category", 3, values=("Finance", "IT", "Sales")),
    column("gender", "category", 2, values=("male", "female")),
    column("hired", "time", 280, minimum="2010-01-01", maximum="2023-12-31"),
    column("age", "measure", 45, dtype="integer", minimum=20, maximum=64, additive=False),
    column("salary", "measure", 290, dtype="integer", minimum=40000, maximum=120000),
    rows=300,
)
RAIN = file(
    "weather.csv",
    column("station", "category", 2, values=("Bern", "Chur")),
    column("date", "time", 900, minimum="2015-01-01", maximum="2023-12-31"),
    column("temp", "measure", additive=False),
    column("rain_mm", "measure", unit="mm", additive=True, minimum=0, maximum=90),
)
REFUSED = [
    ("mean salary of older employees", STAFF, '"older employees"'),
    ("mean salary of full-time employees", STAFF, '"full-time"'),
    ("mean salary of single women", STAFF, '"single women"'),
    ("average age when hired", STAFF, '"when hired"'),
    ("average age at hiring", STAFF, '"at hiring"'),
    ("mean salary in the biggest department", STAFF, '"in the biggest department"'),
    ("How many employees earn over 5000 a month?", STAFF, "for each month"),
    ("total recent rain", RAIN, '"recent rain"'),
    ("What was the most recent temperature?", RAIN, '"most recent"'),
    ("mean temperature with low rain", RAIN, '"low rain"'),
    ("mean temperature when it rained", RAIN, '"when it rained"'),
    ("mean temperature every two years", RAIN, '"every two years"'),
    ("mean temperature in even years", RAIN, '"even years"'),
]
STILL_READ = [
    ("How high is the mean salary of men?", STAFF, "mean"),
    ("How many employees earn over 50000?", STAFF, "count"),
    ("How many people were hired in 2015?", STAFF, "count"),
    ("mean salary by year of hiring", STAFF, "mean"),
    ("Do older employees earn more than younger ones?", STAFF, None),
    ("Tell me when it was hottest", RAIN, "maximum"),
    ("mean temperature every year", RAIN, "mean"),
    ("Is a high temperature related to low rain?", RAIN, "correlation"),
]


@pytest.mark.parametrize(("question", "table", "said"), REFUSED)
def test_a_kind_of_rows_that_no_value_tells_is_refused(question: str, table: FileDescription, said: str) -> None:
    found = read(question, table)
    assert isinstance(found, Refusal) and said in found.reason, found


@pytest.mark.parametrize(("question", "table", "operation"), STILL_READ)
def test_the_same_words_are_read_where_they_narrow_nothing(question: str, table: FileDescription, operation: str | None) -> None:
    if operation is not None:
        assert spec_of(question, table).operation == operation
    else:
        assert not isinstance(found := read(question, table), Reading) or found.specs[0].operation == "correlation"
