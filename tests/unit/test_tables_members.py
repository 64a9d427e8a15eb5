"""A value that stands for all of its column's others, such as "Total" among sexes: left out of sums, and there where it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.sandbox import CodeSandbox
from tests.support.operations import carry_out, column, describe, spec, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

REGIONS = "region,code,year,value\n" + "".join(
    f"{region},{code},{year},{value}\n"
    for year in (2019, 2020)
    for region, code, value in (("World", "W", 10), ("CH", "C", 3), ("AT", "A", 7))
)
CUBE = "geo,sex,age,TIME_PERIOD,OBS_VALUE\n" + "".join(
    f"{geo},{sex},{age},{year},{of_geo * of_sex * of_age}\n"
    for geo, of_geo in (("AT", 1), ("BE", 2))
    for sex, of_sex in (("T", 3), ("M", 1), ("F", 2))
    for age, of_age in (("TOTAL", 7), ("Y_LT15", 3), ("Y_GE15", 4))
    for year in (2019, 2020)
)
RATES = "region,sex,rate\n" + "".join(f"{r},{s},{v}\n" for r in "ABC" for s, v in (("Total", 5.1), ("Male", 4.9), ("Female", 5.3)))
ROUNDED = "region,sex,k\n" + "".join(
    f"{r},{s},{v}\n" for r, t in (("A", 10), ("B", 11), ("C", 10)) for s, v in (("Total", t), ("Male", 4), ("Female", 6))
)


def test_the_member_for_all_is_no_part_of_a_sum(sandbox: CodeSandbox, tmp_path: Path) -> None:
    given = [write(tmp_path, "regions.csv", REGIONS), write(tmp_path, "cube.csv", CUBE)]
    specs = [
        spec("regions.csv", "sum", measure="value"),
        spec("cube.csv", "sum", measure="OBS_VALUE"),
        spec("regions.csv", "top_n", measure="value", by=("region",), statistic="sum", n=1),
    ]
    regions, cube, top = carry_out(sandbox, given, specs, tmp_path / "out")
    assert regions.number("sum_value") == 20
    assert '2 rows are left out where `region` is "World", the sum of its other values' in regions.result.limitations
    assert cube.number("sum_obs_value") == 2 * 3 * (1 + 2) * 7
    assert "AT" in top.sentence() and "World" not in top.sentence()


def test_it_is_there_where_it_is_asked_for_and_where_rows_are_counted(sandbox: CodeSandbox, tmp_path: Path) -> None:
    given = [write(tmp_path, "regions.csv", REGIONS), write(tmp_path, "cube.csv", CUBE)]
    world = {"column": "region", "op": "==", "values": ["world"]}
    both = {"column": "sex", "op": "==", "values": ["T"]}
    specs = [
        spec("regions.csv", "sum", measure="value", filters=[world]),
        spec("regions.csv", "count"),
        spec("cube.csv", "sum", measure="OBS_VALUE", filters=[both]),
    ]
    asked, rows, cube = carry_out(sandbox, given, specs, tmp_path / "out")
    assert (asked.number("sum_value"), rows.number("count_rows")) == (20, 6)
    assert cube.number("sum_obs_value") == 2 * 3 * 3 * 7
    assert rows.result.limitations == ()


def test_only_sums_are_for_all_and_rounded_ones_are_sums(sandbox: CodeSandbox, tmp_path: Path) -> None:
    given = [write(tmp_path, "rates.csv", RATES), write(tmp_path, "rounded.csv", ROUNDED), write(tmp_path, "cube.csv", CUBE)]
    files = describe(sandbox, given, tmp_path / "out")
    assert table(files["rates.csv"]).warnings == ("3 rows called a total ('Total') count as any other row",)
    assert table(files["rounded.csv"]).warnings == (
        "rows where `sex` is 'Total' are the sums of its others: counted with them, they count twice",
    )
    assert column(files["cube.csv"], "TIME_PERIOD").role == "time"
