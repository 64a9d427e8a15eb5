"""The tasks of the extractive suite: 60 questions with planted truth, 20 that must be refused.

The truth is calculated here in plain Python from the generated rows, apart from the code under test. Written to a folder they
are what ``kimera bench quality`` reads: ``python tests/quality/extractive/tasks.py FOLDER``.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Run by its path, it does not know the checkout it lies in.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.quality.extractive.tables import Cell, Table, all_tables, write

TABLES = all_tables()
CLIMATE, TRIAL, ORDERS, CUSTOMERS, SCHOOLS = (
    TABLES[f"{n}"] for n in ("climate.csv", "trial.csv", "orders.csv", "customers.csv", "schools.jsonl")
)


@dataclass(frozen=True)
class Task:
    """A question with what a right answer holds. ``value`` is a number or a word; ``None`` where only the operation is planted."""

    name: str
    question: str
    inputs: tuple[str, ...]
    operation: str = ""
    columns: tuple[str, ...] = ()
    value: float | str | None = None
    tolerance: float = 0.0
    refuse: bool = False
    must_not_say: tuple[str, ...] = field(default=())

    def toml(self) -> str:
        """The task as ``task.toml``."""
        lines = [f"question = {json.dumps(self.question)}", f"inputs = {json.dumps([f'../tables/{i}' for i in self.inputs])}", ""]
        if self.refuse:
            lines += ["[[checks]]", 'type = "must_refuse"', ""]
        if self.operation:
            lines += ["[[checks]]", 'type = "operation"', f"name = {json.dumps(self.operation)}", ""]
        if self.columns:
            lines += ["[[checks]]", 'type = "columns"', f"names = {json.dumps(list(self.columns))}", ""]
        if isinstance(self.value, str):
            lines += ["[[checks]]", 'type = "value"', f"text = {json.dumps(self.value)}", ""]
        elif self.value is not None:
            lines += ["[[checks]]", 'type = "value"', f"number = {float(self.value)!r}", f"tolerance = {float(self.tolerance)!r}", ""]
        if self.must_not_say:
            lines += ["[[checks]]", 'type = "must_not_say"', f"texts = {json.dumps(list(self.must_not_say))}", ""]
        return "\n".join(lines)


def _mean(table: Table, name: str, **where: Cell) -> float:
    return statistics.fmean(table.column(name, **where))


def _rows(table: Table, keep: Callable[[dict[str, Cell]], bool]) -> int:
    return sum(keep(row) for row in table.rows)


def _number(cell: Cell) -> float:
    return float(cell) if cell is not None else float("nan")


def _best(table: Table, by: str, name: str, *, total: bool = False, lowest: bool = False) -> str:
    """The group with the highest (or lowest) mean or total."""
    groups = sorted({str(row[by]) for row in table.rows})
    score = {g: (sum if total else statistics.fmean)(table.column(name, **{by: g})) for g in groups}
    return (min if lowest else max)(groups, key=lambda g: score[g])


def _years(table: Table, name: str, first: int, last: int, **where: Cell) -> list[float]:
    rows = [
        r
        for r in table.rows
        if first <= int(str(r.get("date") or r.get("order_date"))[:4]) <= last and all(r[k] == v for k, v in where.items())
    ]
    return [float(v) for r in rows if (v := r[name]) is not None]


def _slope(first: int, region: str) -> float:
    """The planted trend is estimated over yearly means, as least squares."""
    years = list(range(first, 2020))
    means = [statistics.fmean(_years(CLIMATE, "temp_mean_c", y, y, region=region)) for y in years]
    return statistics.linear_regression(years, means).slope


def answerable() -> list[Task]:
    """Sixty questions, in the words of people rather than of the columns."""
    c, t, o, s = ("climate.csv",), ("trial.csv",), ("orders.csv",), ("schools.jsonl",)
    both = ("orders.csv", "customers.csv")
    country = {str(r["customer_id"]): str(r["country"]) for r in CUSTOMERS.rows}
    segment = {str(r["customer_id"]): str(r["segment"]) for r in CUSTOMERS.rows}
    italian = sum(_number(r["revenue"]) for r in ORDERS.rows if country[str(r["customer_id"])] == "Italy")
    retail = statistics.fmean(_number(r["revenue"]) for r in ORDERS.rows if segment[str(r["customer_id"])] == "retail")
    revenue = sum(ORDERS.column("revenue"))
    customer_total = {k: sum(ORDERS.column("revenue", customer_id=k)) for k in country}
    year_means = {y: statistics.fmean(_years(CLIMATE, "temp_mean_c", y, y)) for y in range(2000, 2020)}
    north_south = abs(_mean(CLIMATE, "rain_mm", region="north") - _mean(CLIMATE, "rain_mm", region="south"))
    old = _rows(TRIAL, lambda r: _number(r["age"]) > 60)
    drug_women = _rows(TRIAL, lambda r: r["arm"] == "drug" and r["sex"] == "female")
    smoking_men = [r for r in TRIAL.rows if r["sex"] == "male"]
    bp = _mean(TRIAL, "blood_pressure", arm="placebo") - _mean(TRIAL, "blood_pressure", arm="drug")
    march = sum(_number(r["revenue"]) for r in ORDERS.rows if str(r["order_date"]).startswith("2020-03"))
    wet = _rows(CLIMATE, lambda r: _number(r["rain_mm"]) > 100)
    specs: list[tuple[str, tuple[str, ...], str, tuple[str, ...], float | str | None, float]] = [
        ("What is the mean temperature?", c, "mean", ("temp_mean_c",), _mean(CLIMATE, "temp_mean_c"), 0.001),
        (
            "What is the average temp_mean_c in Bern?",
            c,
            "mean",
            ("temp_mean_c", "station"),
            _mean(CLIMATE, "temp_mean_c", station="Bern"),
            0.001,
        ),
        (
            "What is the mean temperature by region?",
            c,
            "mean",
            ("temp_mean_c", "region"),
            _mean(CLIMATE, "temp_mean_c", region="east"),
            0.001,
        ),
        ("median rain per region", c, "median", ("rain_mm", "region"), statistics.median(CLIMATE.column("rain_mm", region="south")), 0.001),
        (
            "How much rain fell in Bern in 2010?",
            c,
            "sum",
            ("rain_mm", "station", "date"),
            sum(_years(CLIMATE, "rain_mm", 2010, 2010, station="Bern")),
            0.01,
        ),
        (
            "What is the highest temperature in Davos since 2010?",
            c,
            "maximum",
            ("temp_mean_c", "station"),
            max(_years(CLIMATE, "temp_mean_c", 2010, 2019, station="Davos")),
            0.001,
        ),
        ("What was the lowest temperature?", c, "minimum", ("temp_mean_c",), min(CLIMATE.column("temp_mean_c")), 0.001),
        ("How many rows are there?", c, "count", (), 2880, 0),
        ("How many stations are there?", c, "count", ("station",), 12, 0),
        ("How many stations are there by region?", c, "count", ("station", "region"), 4, 0),
        ("How many records are there per station?", c, "count", ("station",), 240, 0),
        ("Which station is the warmest?", c, "top_n", ("temp_mean_c", "station"), _best(CLIMATE, "station", "temp_mean_c"), 0),
        (
            "Which station has the lowest mean temperature?",
            c,
            "top_n",
            ("temp_mean_c", "station"),
            _best(CLIMATE, "station", "temp_mean_c", lowest=True),
            0,
        ),
        ("top 3 stations by total rain", c, "top_n", ("rain_mm", "station"), _best(CLIMATE, "station", "rain_mm", total=True), 0),
        ("Which region has the most rain?", c, "top_n", ("rain_mm", "region"), _best(CLIMATE, "region", "rain_mm", total=True), 0),
        (
            "In which year was the mean temperature highest?",
            c,
            "top_n",
            ("temp_mean_c", "date"),
            str(max(year_means, key=lambda y: year_means[y])),
            0,
        ),
        ("Did the temperature rise in the north?", c, "trend", ("temp_mean_c", "date"), _slope(2000, "north"), 0.002),
        (
            "What is the trend of temperature over time in the south since 2005?",
            c,
            "trend",
            ("temp_mean_c", "date"),
            _slope(2005, "south"),
            0.002,
        ),
        (
            "Did temperature rise faster in the north than in the east?",
            c,
            "trend_difference",
            ("temp_mean_c", "region"),
            _slope(2000, "north") - _slope(2000, "east"),
            0.004,
        ),
        ("What is the correlation between rain and temperature?", c, "correlation", ("rain_mm", "temp_mean_c"), 0.0, 0.08),
        ("What share of the records has more than 100 mm of rain?", c, "share", ("rain_mm",), 100 * wet / 2880, 0.01),
        ("How does rain differ between the north and the south?", c, "compare_groups", ("rain_mm", "region"), north_south, 0.01),
        ("What is the distribution of rain?", c, "distribution", ("rain_mm",), statistics.median(CLIMATE.column("rain_mm")), 0.01),
        (
            "How many values of temp_mean_c are missing?",
            c,
            "missing_outliers",
            ("temp_mean_c",),
            _rows(CLIMATE, lambda r: r["temp_mean_c"] is None),
            0,
        ),
        (
            "What is the mean temperature in Chur between 2003 and 2007?",
            c,
            "mean",
            ("temp_mean_c", "station", "date"),
            statistics.fmean(_years(CLIMATE, "temp_mean_c", 2003, 2007, station="Chur")),
            0.001,
        ),
        (
            "What is the mean temperature except in the east?",
            c,
            "mean",
            ("temp_mean_c", "region"),
            statistics.fmean(CLIMATE.column("temp_mean_c", region="north") + CLIMATE.column("temp_mean_c", region="south")),
            0.001,
        ),
        ("What is the mean age of women?", t, "mean", ("age", "sex"), _mean(TRIAL, "age", sex="female"), 0.01),
        ("What percentage of patients are female?", t, "share", ("sex",), 100 * len(TRIAL.column("age", sex="female")) / 400, 0.01),
        ("How many patients are older than 60?", t, "count", ("age",), old, 0),
        ("How many women are in the drug arm?", t, "count", ("sex", "arm"), drug_women, 0),
        (
            "What percentage of men smoke?",
            t,
            "share",
            ("smoker", "sex"),
            100 * sum(r["smoker"] == "yes" for r in smoking_men) / len(smoking_men),
            0.01,
        ),
        ("How many smokers are there?", t, "count", ("smoker",), _rows(TRIAL, lambda r: r["smoker"] == "yes"), 0),
        ("number of patients by arm", t, "count", ("arm",), 200, 0),
        ("Is blood pressure lower in the drug arm than in the placebo arm?", t, "compare_groups", ("blood_pressure", "arm"), bp, 0.01),
        (
            "Compare the weight of men and women",
            t,
            "compare_groups",
            ("weight_kg", "sex"),
            abs(_mean(TRIAL, "weight_kg", sex="male") - _mean(TRIAL, "weight_kg", sex="female")),
            0.01,
        ),
        ("Does weight depend on age?", t, "correlation", ("weight_kg", "age"), 0.78, 0.12),
        ("Who is the oldest patient?", t, "top_n", ("age", "patient_id"), max(TRIAL.column("age")), 0),
        (
            "What is the median weight of smokers?",
            t,
            "median",
            ("weight_kg", "smoker"),
            statistics.median(TRIAL.column("weight_kg", smoker="yes")),
            0.01,
        ),
        (
            "average blood pressure by arm and sex",
            t,
            "mean",
            ("blood_pressure", "arm", "sex"),
            _mean(TRIAL, "blood_pressure", arm="drug", sex="male"),
            0.01,
        ),
        (
            "mean age of patients heavier than 80 kg",
            t,
            "mean",
            ("age", "weight_kg"),
            statistics.fmean(_number(r["age"]) for r in TRIAL.rows if _number(r["weight_kg"]) > 80),
            0.01,
        ),
        (
            "How many patients are between 30 and 40 years old?",
            t,
            "count",
            ("age",),
            _rows(TRIAL, lambda r: 30 <= _number(r["age"]) <= 40),
            0,
        ),
        ("Is there an association between sex and smoking?", t, "compare_groups", ("sex", "smoker"), None, 0),
        ("What is the total revenue?", o, "sum", ("revenue",), revenue, 0.01),
        ("What is the total revenue by product?", o, "sum", ("revenue", "product"), sum(ORDERS.column("revenue", product="desk")), 0.01),
        ("What was the total revenue in March 2020?", o, "sum", ("revenue", "order_date"), march, 0.01),
        ("Which product has the highest revenue?", o, "top_n", ("revenue", "product"), _best(ORDERS, "product", "revenue", total=True), 0),
        ("How many orders were placed through the web?", o, "count", ("channel",), _rows(ORDERS, lambda r: r["channel"] == "web"), 0),
        (
            "What share of orders came by phone?",
            o,
            "share",
            ("channel",),
            100 * _rows(ORDERS, lambda r: r["channel"] == "phone") / 1500,
            0.01,
        ),
        (
            "What share of revenue comes from lamps?",
            o,
            "share",
            ("revenue", "product"),
            100 * sum(ORDERS.column("revenue", product="lamp")) / revenue,
            0.01,
        ),
        ("top 5 customers by revenue", o, "top_n", ("revenue", "customer_id"), max(customer_total, key=lambda k: customer_total[k]), 0),
        ("How many customers are there?", o, "count", ("customer_id",), len({r["customer_id"] for r in ORDERS.rows}), 0),
        ("average revenue per order", o, "mean", ("revenue",), _mean(ORDERS, "revenue"), 0.01),
        ("What is the average quantity of chairs?", o, "mean", ("quantity", "product"), _mean(ORDERS, "quantity", product="chair"), 0.01),
        ("How many units were sold in the shop?", o, "sum", ("quantity", "channel"), sum(ORDERS.column("quantity", channel="shop")), 0),
        ("What is the total revenue by country?", both, "sum", ("revenue", "country"), italian, 0.01),
        ("What is the mean revenue of retail customers?", both, "mean", ("revenue", "segment"), retail, 0.01),
        ("Do reading scores differ between public and private schools?", s, "compare_groups", ("reading_score", "type"), None, 0),
        ("Which school has the best reading score?", s, "top_n", ("reading_score", "school"), _best(SCHOOLS, "school", "reading_score"), 0),
        ("How is sleep related to reading?", s, "correlation", ("hours_of_sleep", "reading_score"), 0.0, 0.12),
        ("How many schools are private?", s, "count", ("school", "type"), 12, 0),
    ]
    return [
        Task(f"a{i:02}", question, inputs, operation, columns, value, tolerance)
        for i, (question, inputs, operation, columns, value, tolerance) in enumerate(specs, start=1)
    ]


def unanswerable() -> list[Task]:
    """Twenty questions whose answer is a refusal: causes, forecasts, what is not there, what would be nonsense."""
    c, t, o, s = ("climate.csv",), ("trial.csv",), ("orders.csv",), ("schools.jsonl",)
    questions = [
        ("Why did the temperature rise?", c),
        ("What causes the rain in Bern?", c),
        ("What will the temperature be in 2030?", c),
        ("Predict the rain of next year", c),
        ("What is the mean participation by station?", c),
        ("What is the mean snow depth?", c),
        ("What is the sum of temperature?", c),
        ("What is the mean temperature in Zermatt?", c),
        ("How windy is Geneva?", c),
        ("What does the report say about temperature?", c),
        ("What is the mean patient_id?", t),
        ("Does the drug cause lower blood pressure?", t),
        ("What is the effect of smoking on cholesterol?", t),
        ("Should patients take the drug?", t),
        ("What is the trend of blood pressure?", t),
        ("How many patients are diabetic?", t),
        ("What is the average order number?", o),
        ("What is the mean profit by product?", o),
        ("What if prices were doubled?", o),
        ("Wie hoch ist der Mittelwert der Punkte?", s),
    ]
    return [Task(f"u{i:02}", question, inputs, refuse=True) for i, (question, inputs) in enumerate(questions, start=1)]


def write_suite(folder: Path) -> None:
    """The suite as a folder of task folders, with its tables beside them."""
    write(TABLES.values(), folder / "tables")
    for task in (*answerable(), *unanswerable()):
        path = folder / task.name / "task.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(task.toml(), encoding="utf-8")


if __name__ == "__main__":
    write_suite(Path(sys.argv[1]))
