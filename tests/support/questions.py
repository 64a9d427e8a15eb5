"""Questions over described tables: what the reader makes of them."""

from __future__ import annotations

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import ColumnDescription, ColumnRole, FileDescription, TableDescription
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints


def column(name: str, role: ColumnRole, distinct: int = 100, **more: object) -> ColumnDescription:
    """A column as the analyzer would describe it; numbers unless the role says otherwise."""
    kinds = {"category": "string", "id": "string", "text": "string", "flag": "boolean", "time": "date"}
    return ColumnDescription.model_validate({"name": name, "dtype": kinds.get(role, "number"), "role": role, "distinct": distinct, **more})


def file(name: str, *columns: ColumnDescription, rows: int = 1000) -> FileDescription:
    table = TableDescription(name=name.split(".")[0], rows=rows, columns=columns)
    return FileDescription(file=name, sha256="0" * 64, format="csv", tables=(table,), analyzer="test", analyzer_version="1")


STATIONS = ("Bern", "Chur", "Geneva")


WEATHER = file(
    "weather.csv",
    column("station", "category", 3, values=STATIONS),
    column("region", "category", 2, values=("north", "south")),
    column("date", "time", 1000, minimum="2000-01-01", maximum="2019-12-31"),
    column("temp_mean_c", "measure", unit="°C", additive=False),
    column("rain_mm", "measure", unit="mm", additive=True),
    column("wind_speed", "measure", additive=False),
    column("wind_gusts", "measure", additive=False),
)


PEOPLE = file(
    "people.csv",
    column("person_id", "id", 1000),
    column("sex", "category", 2, values=("F", "M")),
    column("town", "category", 3, values=("Bern", "Thun", "Biel")),
    column("age", "measure", dtype="integer", minimum=18, maximum=90, additive=False),
    column("income", "measure", minimum=1000, maximum=9000),
    column("member", "flag", 2, values=("yes", "no")),
)


SALES = file(
    "sales.csv",
    column("order_id", "id", 1000),
    column("shop_id", "id", 20),
    column("year", "time", 20, dtype="integer", minimum=2000, maximum=2019),
    column("sales", "measure", additive=True),
)


SHOPS = file("shops.csv", column("shop_id", "id", 20), column("country", "category", 2, values=("France", "Italy")), rows=20)


PENGUINS = file(
    "penguins.csv",
    column("species", "category", 3, values=("Adelie", "Gentoo", "Chinstrap")),
    column("sex", "category", 2, values=("male", "female"), missing=11),
    column("body_mass_g", "measure", dtype="integer", unit="g", minimum=2700, maximum=6300),
    column("flipper_length_mm", "measure", unit="mm", additive=False),
    column("eggs", "measure", 4, dtype="integer", minimum=0, maximum=3),
)


BILLS = file(
    "bills.csv",
    column("bill_id", "id", 1000),
    column("status", "category", 2, values=("paid", "open")),
    column("date", "time", 500, minimum="2020-01-01", maximum="2021-12-31"),
    column("amount", "measure", additive=True),
)


CLIENTS = file("clients.csv", column("id", "id", 30, dtype="integer"), column("country", "category", 2, values=("FR", "IT")), rows=30)


INVOICES = file(
    "invoices.csv",
    column("id", "id", 1000, dtype="integer"),
    column("client_id", "id", 20, dtype="integer"),
    column("amount", "measure", additive=True),
)


RAIN = file(
    "rain.csv", column("date", "time", 1000, minimum="2000-01-01", maximum="2019-12-31"), column("rain_mm", "measure", additive=True)
)


CARS = file(
    "mtcars.csv",
    column("model", "id", 32),
    column("cylinders", "measure", 3, dtype="integer", minimum=4, maximum=8),
    column("hp", "measure", 22, dtype="integer", minimum=52, maximum=335),
    column("mpg", "measure", 25, minimum=10.4, maximum=33.9),
    column("origin", "category", 3, values=("Japan", "Italy", "USA")),
    rows=32,
)


FIRMS = file(
    "firms.csv",
    column("region", "category", 3, values=("north", "south", "east")),
    column("year", "time", 5, dtype="integer", minimum=2017, maximum=2021),
    column("profit", "measure", additive=True),
    column("employees", "measure", dtype="integer", additive=True, minimum=1, maximum=900),
    column("interest_rate", "measure", additive=False),
    rows=60,
)


FUEL = file(
    "driving.json",
    column("year", "time", 55, dtype="integer", minimum=1956, maximum=2010),
    column("gas", "measure"),
    column("wheat_use", "measure"),
    column("wood", "measure", unit="kg"),
    column("coal", "measure", additive=True),
    rows=55,
)


def read(
    question: str, *files: FileDescription, hints: ReadingHints | None = None, before: OperationSpec | None = None
) -> Reading | Refusal:
    return read_question(SubQuestion(id="q1", text=question), files or (WEATHER,), hints or ReadingHints(), before)


def spec_of(question: str, *files: FileDescription, hints: ReadingHints | None = None) -> OperationSpec:
    found = read(question, *files, hints=hints)
    assert isinstance(found, Reading), found
    return found.specs[0]
