"""Tables as offices, banks and open-data portals export them: minus signs behind numbers, marks of notes, lines around the table."""

from __future__ import annotations

import pytest

from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import column, describe, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

APART = "'’‘ʼ´`′＇٬\u00a0\u2002\u2003\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
DESTATIS = """Bevölkerung: Deutschland, Stichtag, Geschlecht;;;
Bevölkerung (Anzahl);;;
;Geschlecht;Geschlecht;Geschlecht
Stichtag;männlich;weiblich;Insgesamt
31.12.2020;41026519;42128512;83155031
31.12.2021;41067286;.;83237124
31.12.2022;-;x;...
__________
Statistisches Bundesamt (Destatis), 2024;;;
Stand: 01.02.2024 / 10:00:00;;;
"""
BY_DAY = """Tabelle: 12411-0012
Bevölkerung: Bundesländer, Stichtag;;
Bevölkerung (Anzahl);;
;31.12.2021;31.12.2022
Baden-Württemberg;11124642;11280257
Bayern;13176989;13369393
Berlin;3677472;3755251
Insgesamt;27979103;28404901
__________
© Statistisches Bundesamt (Destatis), 2024
"""
FILES: dict[str, str | bytes] = {
    "sap.csv": "Konto;Betrag\nA;1.234,50-\nB;100,00\nC;50,25-\nD;7,00\n",
    "prices.csv": "Artikel;Preis\nA;Fr. 5.-\nB;CHF 12.50\nC;CHF 1'100.–\nD;Fr. 2.--\n",
    "notes.csv": 'region,rate,people\nA,12.3¹,"1,234*"\nB,14.5,"2,000"\nC,10.1,550 (a)\nD,9.5,"1,000"\nE,8,"1,100"\nF,7.5,700 [1]\n',
    "powers.csv": "n,size\na,10²\nb,10³\nc,10²\n",
    "colon.csv": "geo,TIME_PERIOD,OBS_VALUE\nAT,2019,5.5\nAT,2020,:\nBE,2019,6.5\n",
    "destatis.csv": DESTATIS.encode("cp1252"),
    "by_day.csv": BY_DAY.encode("cp1252"),
    **{f"apart_{ord(c):x}.csv": f"a;b\nx;1{c}234.50\ny;12{c}345{c}678.00\nz;5.25\n" for c in APART},
}


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("portals")
    return describe(sandbox, [write(folder, name, text) for name, text in FILES.items()], folder / "out")


def test_a_minus_behind_a_number_is_one_and_a_dash_for_no_cents_is_none(files: dict[str, FileDescription]) -> None:
    amount = column(files["sap.csv"], "Betrag")
    assert (amount.dtype, amount.minimum, amount.maximum) == ("number", -1234.5, 100)
    assert "`Betrag`: a minus behind a number is read as one before it ('1.234,50-')" in table(files["sap.csv"]).assumptions
    price = column(files["prices.csv"], "Preis")
    assert (price.unit, price.minimum, price.maximum) == ("CHF", 2, 1100)


@pytest.mark.parametrize("name", [f"apart_{ord(c):x}.csv" for c in APART])
def test_any_apostrophe_or_space_parts_thousands(files: dict[str, FileDescription], name: str) -> None:
    assert column(files[name], "b").maximum == 12345678


def test_marks_of_notes_are_no_part_of_a_number_unless_all_have_one(files: dict[str, FileDescription]) -> None:
    rate, people = column(files["notes.csv"], "rate"), column(files["notes.csv"], "people")
    assert (rate.maximum, people.minimum, people.maximum) == (14.5, 550, 2000)
    assert "`rate`: marks of notes behind numbers are left out ('12.3¹')" in table(files["notes.csv"]).assumptions
    assert column(files["powers.csv"], "size").dtype == "string"


def test_a_colon_is_a_missing_value(files: dict[str, FileDescription]) -> None:
    assert (column(files["colon.csv"], "OBS_VALUE").missing, column(files["colon.csv"], "OBS_VALUE").maximum) == (1, 6.5)


def test_the_lines_below_a_table_of_an_office_and_days_in_its_header_are_known(files: dict[str, FileDescription]) -> None:
    day = column(files["destatis.csv"], "Stichtag")
    assert (day.role, day.maximum, table(files["destatis.csv"]).rows) == ("time", "2022-12-31", 3)
    assert [c.name for c in table(files["by_day.csv"]).columns] == ["row", "31.12.2021", "31.12.2022"]
    assert (table(files["by_day.csv"]).rows, column(files["by_day.csv"], "31.12.2022").maximum) == (3, 13369393)
