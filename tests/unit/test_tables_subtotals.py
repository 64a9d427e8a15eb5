"""Rows between others that are their sums: counted with them, they would count everything twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import carry_out, column, describe, spec, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

FILES = {
    "named.csv": """
        region,product,sales
        North,A,10
        North,B,20
        North Total,,30
        South,A,1
        South,B,2
        South Total,,3
        Grand Total,,33
        """,
    "nested.csv": """
        region,city,sales,price
        North,a,1,2.5
        North,a,2,3.5
        North,a Total,3,3
        North,b,4,2
        North,b,5,1
        North,b Total,9,1.5
        North Total,,12,2
        South,c,10,2
        South,c Total,10,2
        South Total,,10,2
        """,
    "bare.csv": "region,product,sales\nNorth,A,10\nNorth,B,20\nSubtotal,,30\nSouth,A,1\nSouth,B,2\nSubtotal,,3\nTotal,,33\n",
    "first.csv": "region;sales\nSumme;30\nNord;10\nSüd;20\n",
    "other.csv": "region,sales\nNorth,10\nTotal,45\nSouth,20\n",
    "years.csv": "company,year,sales\nShell,2020,100\nTotal,2020,80\nBP,2020,90\n",
    "sexes.csv": "country,sex,people\nCH,Total,9\nCH,Male,4\nCH,Female,5\nAT,Total,8\nAT,Male,3\nAT,Female,5\n",
    "ages.csv": "country,sex,people\nCH,Total,9\nCH,Male,4\nCH,Female,5\nAT,Total,8\nAT,Male,3\nAT,Female,9\n",
    "names.csv": 'country,indicator,value\nCH,"Population, total",9\nCH,Net total,5\nAT,"Population, total",8\nAT,Net total,7\n',
}

RECORDS = '[{"n": 5, "region": "North", "sales": 10}, {"n": 6, "region": "South", "sales": 4}, {"n": 7, "region": "Total", "sales": 14}]'


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("subtotals")
    given = [write(folder, name, text) for name, text in FILES.items()]
    return describe(sandbox, [*given, write(folder, "records.json", RECORDS)], folder / "out")


@pytest.mark.parametrize(("name", "rows"), [("named.csv", 4), ("nested.csv", 5), ("bare.csv", 4), ("first.csv", 2), ("records.json", 2)])
def test_sums_between_the_rows_are_left_out_and_said(files: dict[str, FileDescription], name: str, rows: int) -> None:
    assert table(files[name]).rows == rows
    assert any("of others" in assumption for assumption in table(files[name]).assumptions)
    assert "otal" not in " ".join(column(files[name], "region").values)


def test_a_total_and_a_total_by_group_count_each_row_once(sandbox: CodeSandbox, tmp_path: Path) -> None:
    given = [write(tmp_path, "named.csv", FILES["named.csv"])]
    specs = [spec("named.csv", "sum", measure="sales"), spec("named.csv", "sum", measure="sales", by=("region",))]
    whole, by_region = carry_out(sandbox, given, specs, tmp_path / "out")
    assert whole.number("sum_sales") == 33
    assert (by_region.number("sum_sales_north"), by_region.number("sum_sales_south")) == (30, 3)


@pytest.mark.parametrize("name", ["other.csv", "years.csv"])
def test_one_that_is_no_sum_of_others_counts_and_is_said(files: dict[str, FileDescription], name: str) -> None:
    assert table(files[name]).rows == 3
    assert table(files[name]).warnings == ("1 row called a total ('Total') counts as any other row",)


def test_total_as_a_value_or_a_part_of_a_name_stays(files: dict[str, FileDescription]) -> None:
    assert table(files["sexes.csv"]).rows == 6
    assert table(files["sexes.csv"]).warnings == (
        "rows where `sex` is 'Total' are the sums of its others: counted with them, they count twice",
    )
    assert table(files["ages.csv"]).warnings == ("2 rows called a total ('Total') count as any other row",)
    assert table(files["names.csv"]).rows == 4 and table(files["names.csv"]).warnings == ()
