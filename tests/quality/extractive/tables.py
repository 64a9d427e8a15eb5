"""The tables of the extractive suite, made from a fixed seed with effects that were planted and are known.

Run by itself it writes them to a folder: ``python tests/quality/extractive/tables.py FOLDER``.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SEED = 20_260_101
Cell = str | int | float | None
Row = dict[str, Cell]


@dataclass(frozen=True)
class Table:
    """A generated table: its file name and its rows."""

    file: str
    rows: list[Row]
    delimiter: str = ","
    decimal: str = "."

    def column(self, name: str, **where: Cell) -> list[float]:
        """The numbers of a column in the rows that hold all of ``where``."""
        return [float(v) for row in self.rows if all(row[k] == w for k, w in where.items()) if (v := row[name]) is not None]


def climate() -> Table:
    """Monthly weather of 12 stations in 3 regions, 2000 to 2019: +0.05 degrees a year in the north and south, none in the east."""
    rng = random.Random(SEED)
    places = ["Arosa", "Bern", "Chur", "Davos", "Engelberg", "Flims", "Geneva", "Horgen", "Ilanz", "Jona", "Kloten", "Lugano"]
    rows: list[Row] = []
    for i, place in enumerate(places):
        region = ("north", "south", "east")[i % 3]
        for month in range(240):
            year, of_year = 2000 + month // 12, month % 12 + 1
            slope = 0.0 if region == "east" else 0.05
            season = 9 * (1 if of_year in (6, 7, 8) else -1 if of_year in (12, 1, 2) else 0)
            temp = 6 + i * 0.5 + slope * (year - 2000) + season + rng.gauss(0, 0.6)
            rows.append(
                {
                    "station": place,
                    "region": region,
                    "date": f"{year}-{of_year:02}-15",
                    "temp_mean_c": None if rng.random() < 0.01 else round(temp, 2),
                    "rain_mm": round(rng.expovariate(1 / 80), 1),
                }
            )
    return Table("climate.csv", rows)


def trial() -> Table:
    """400 patients: the drug lowers blood pressure by 8; weight goes with age; sex has no effect on pressure."""
    rng = random.Random(SEED + 1)
    rows: list[Row] = []
    for i in range(400):
        arm = "drug" if i % 2 else "placebo"
        sex = "female" if rng.random() < 0.55 else "male"
        age = rng.randint(20, 80)
        weight = 50 + 0.4 * age + rng.gauss(0, 6)
        rows.append(
            {
                "patient_id": f"P{i + 1:04}",
                "sex": sex,
                "arm": arm,
                "age": age,
                "weight_kg": round(weight, 1),
                "blood_pressure": round(135 - (8 if arm == "drug" else 0) + rng.gauss(0, 9), 1),
                "smoker": "yes" if rng.random() < 0.25 else "no",
            }
        )
    return Table("trial.csv", rows)


def orders() -> Table:
    """1,500 orders in local number format, of 60 customers and 5 products."""
    rng = random.Random(SEED + 2)
    products = ["lamp", "chair", "desk", "shelf", "carpet"]
    start = dt.date(2019, 1, 1)
    rows: list[Row] = []
    for i in range(1500):
        product = rng.choices(products, weights=[5, 4, 3, 2, 1])[0]
        quantity = rng.randint(1, 9)
        price = {"lamp": 40, "chair": 85, "desk": 240, "shelf": 120, "carpet": 310}[product] + rng.randint(-5, 5)
        rows.append(
            {
                "order_no": 10_000 + i,
                "customer_id": f"C{rng.randint(1, 60):03}",
                "order_date": (start + dt.timedelta(days=i)).isoformat(),
                "product": product,
                "channel": rng.choices(["web", "shop", "phone"], weights=[6, 3, 1])[0],
                "quantity": quantity,
                "revenue": round(quantity * price * 1.0, 2),
            }
        )
    return Table("orders.csv", rows, delimiter=";", decimal=",")


def customers() -> Table:
    """The 60 customers, with the segment and the country that ``orders`` lacks."""
    rng = random.Random(SEED + 3)
    countries = ["Austria", "France", "Italy"]
    return Table(
        "customers.csv",
        [{"customer_id": f"C{i:03}", "segment": rng.choice(["retail", "business"]), "country": countries[i % 3]} for i in range(1, 61)],
    )


def schools() -> Table:
    """Pupils of 24 schools, 12 public and 12 private: schools differ, the types do not."""
    rng = random.Random(SEED + 4)
    rows: list[Row] = []
    for school in range(24):
        offset = rng.gauss(0, 8)
        rows += [
            {
                "school": f"School {school + 1:02}",
                "type": "public" if school % 2 else "private",
                "reading_score": round(60 + offset + rng.gauss(0, 6), 1),
                "hours_of_sleep": round(rng.gauss(8, 0.8), 1),
            }
            for _ in range(25)
        ]
    return Table("schools.jsonl", rows)


def all_tables() -> dict[str, Table]:
    """Every table by its file name."""
    return {t.file: t for t in (climate(), trial(), orders(), customers(), schools())}


def write(tables: Iterable[Table], folder: Path) -> None:
    """Write the files; the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        path = folder / table.file
        if table.file.endswith(".jsonl"):
            path.write_text("".join(json.dumps(row) + "\n" for row in table.rows), encoding="utf-8")
            continue
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter=table.delimiter, lineterminator="\n")
            names: Sequence[str] = list(table.rows[0])
            writer.writerow(names)
            writer.writerows([_written(row[name], table.decimal) for name in names] for row in table.rows)


def _written(cell: Cell, decimal: str) -> str:
    if cell is None:
        return ""
    return str(cell).replace(".", decimal) if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    write(all_tables().values(), Path(sys.argv[1]))
