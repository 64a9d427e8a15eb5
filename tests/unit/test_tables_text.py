"""Delimited text as people really export it: encodings, delimiters, local numbers, dates, titles, totals, ragged rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.ds_star.analyzer import DataInput
from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import column, describe, table, write
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

Files = dict[str, FileDescription]


FOREIGN = (
    ("czech", "cp1250", "Plzeň;1\nČeské Budějovice;2\nPříbram;3\n"),
    ("slovene", "cp1250", "Škofja Loka;1\nŽiri;2\nČrnomelj;3\n"),
    ("hungarian", "cp1250", "Győr;1\nSzékesfehérvár;2\nHódmezővásárhely;3\n"),
    ("romanian", "cp1250", "Bucureşti;1\nTimişoara;2\nConstanţa;3\n"),
    ("portuguese", "cp1252", "Maranhão;1\nCamões;2\nÁgueda;3\n"),
    ("estonian", "cp1252", "Võru;1\nPõlva;2\nTõrva;3\n"),
    ("icelandic", "cp1252", "Akranes;1\nÞórshöfn;2\nSeyðisfjörður;3\n"),
    ("italian", "cp1252", "lunedì;1\nmartedì;2\nvenerdì;3\n"),
    ("russian", "koi8_r", "Москва;1\nСанкт-Петербург;2\nКазань;3\n"),
    ("japanese", "euc_jp", "東京の人口;1\n大阪;2\n横浜市のひと;3\n"),
)


def _files(folder: Path) -> list[DataInput]:
    swiss = "Stadt;Fläche;Umsatz\nZürich;1'234,5;12,5 %\nGenève;2'345,25;7,25 %\nDelémont;3'456,0;100 %\n"
    rows = "".join(f"{i},{2000 + i}-01-01,{i / 2}\n" for i in range(30))
    ragged = "a,b,c\n" + "".join(f"{i},{i},{i}\n" for i in range(50)) + "7,7\n8,8,8,8\n"
    return [
        write(
            folder, "german.csv", "Ort;Datum;Temp (°C);Regen\nBern;31.01.2026;1,5;1.234,50\nBasel;01.02.2026;-2,25;k.A.\n".encode("cp1252")
        ),
        write(folder, "bom.csv", b"\xef\xbb\xbfname,value\nx,1\ny,2\n"),
        write(folder, "utf16.csv", "name\tvalue\nä\t1\nö\t2\n".encode("utf-16")),
        write(folder, "utf16_no_bom.csv", "name,value\nalpha,1\nbeta,2\n".encode("utf-16-le")),
        write(folder, "mac.csv", "name;wert\nZürich;1\nGenève;2\nBünzli;3\n".encode("mac_roman")),
        write(folder, "greek.csv", "name;τιμή\nΑθήνα;1,5\nΠάτρα;2,5\nΛάρισα;3,5\n".encode("cp1253")),
        write(folder, "turkish.csv", "name;satış\nİstanbul;1,5\nMuğla;2,5\nEskişehir;3,5\n".encode("cp1254")),
        write(folder, "polish.csv", "name;sprzedaż\nŁódź;1,5\nWrocław;2,5\nPoznań;3,5\n".encode("cp1250")),
        *(write(folder, f"{name}.csv", f"name;n\n{text}".encode(codec)) for name, codec, text in FOREIGN),
        write(folder, "british.csv", "name;cost £m;m³\nForêt;1;2\nCœur;2;3\nKær;3;4\n".encode("cp1252")),
        write(folder, "swiss.csv", swiss),
        write(folder, "pipes.csv", "a|b|c\n1|x|2.5\n2|y|3.5\n"),
        write(folder, "quoted.csv", 'name,text\nx,"a, b\nand c"\ny,"say ""hi"""\n'),
        write(folder, "money.csv", 'item,price,rate\na,"$1,234.50",5%\nb,"$99.00",7.5%\nc,"($5.00)",-1%\n'),
        write(folder, "accounting.csv", 'item,profit,mass_g\na,"$(1,234.50)",5\nb,$99.00,7\nc,$(5.00),9\n'),
        write(folder, "dirty.csv", 'town,takings,note\na,1000,ok\nb,"1,200",1\nc,-,x\nd,$500,y\ne,about 70,z\nf,2700,2\ng,90,3b\n'),
        write(folder, "space.csv", "name;wert\na;1\u202f234,56\nb;12\u202f000,10\nc;3,5\n"),
        write(folder, "thousands.csv", 'city,people\na,"1,234"\nb,"23,456"\nc,"345,678"\n'),
        write(
            folder,
            "preamble.csv",
            "# made by hand\nReport of the year\n\nstation,rain\n[text],mm\nBern,5.5\nBasel,6.5\nTotal,12.0\n\nSource: the office\n",
        ),
        write(folder, "headless.csv", "1,2.5,2020-01-01\n2,3.5,2020-01-02\n3,4.5,2020-01-03\n"),
        write(folder, "doubled.csv", "a,a,b\n1,2,3\n4,5,6\n"),
        write(folder, "ragged.csv", ragged),
        write(folder, "one_column.csv", "temp\n1.5\n2.5\n"),
        write(folder, "codes.csv", "zip,patient_id,row_count,year,iso\n08001,17,5,2020,AT\n03000,17,7,2021,CH\n04000,18,9,2021,NA\n"),
        write(folder, "sentinel.csv", "temp\n" + "".join(f"{i}.5\n" for i in range(20)) + "-999\n-999\n"),
        write(folder, "one_sentinel.csv", "temp\n" + "".join(f"{i}.5\n" for i in range(20)) + "-999\n"),
        write(folder, "one_word.csv", "temp\n" + "".join(f"{i}.5\n" for i in range(40)) + "much\n"),
        write(folder, "flags.csv", "smoker,rating,answer\nyes,1,agree\nno,5,strongly agree\nyes,3,disagree\nno,4,neutral\n"),
        write(folder, "serial.csv", "n,day,value\n" + rows),
        write(folder, "pay.csv", "name,Salary,Hourly wage\n" + "".join(f'n{i},"$4{i},500","$2{i}.50"\n' for i in range(9))),
        write(folder, "old_mac.csv", b"a,b\r1,2\r3,4\r"),
        write(folder, "commented.csv", "# station,temp\nBern,1.5\nBasel,2.5\n"),
        write(folder, "r_style.csv", "x y\n".replace(" ", ",") + "a,1,2\nb,3,4\nc,5,6\n"),
    ]


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("text")
    return describe(sandbox, _files(folder), folder / "out")


def test_a_german_export_is_read_with_its_encoding_delimiter_and_decimal_comma(files: Files) -> None:
    found = files["german.csv"]
    assert (found.encoding, found.delimiter, found.decimal) == ("cp1252", ";", ",")
    temp, rain = column(found, "Temp (°C)"), column(found, "Regen")
    assert (temp.minimum, temp.maximum, temp.unit, temp.additive) == (-2.25, 1.5, "°C", False)
    assert (rain.maximum, rain.missing) == (1234.5, 1)
    assert column(found, "Datum").minimum == "2026-01-31"
    assert any("cp1252" in a for a in table(found).assumptions) and any("day first" in a for a in table(found).assumptions)


def test_brackets_behind_the_currency_are_negative_and_grams_are_a_unit(files: Files) -> None:
    profit = column(files["accounting.csv"], "profit")
    assert (profit.dtype, profit.unit, profit.minimum, profit.maximum) == ("number", "USD", -1234.5, 99.0)
    assert column(files["accounting.csv"], "mass_g").unit == "g"


@pytest.mark.parametrize(
    ("name", "encoding", "samples"),
    [
        ("bom.csv", "utf-8-sig", ("x", "y")),
        ("utf16.csv", "utf-16", ("ä", "ö")),
        ("utf16_no_bom.csv", "utf-16-le", ("alpha", "beta")),
        ("mac.csv", "mac_roman", ("Zürich", "Genève", "Bünzli")),
        ("greek.csv", "cp1253", ("Αθήνα", "Πάτρα", "Λάρισα")),
        ("turkish.csv", "cp1254", ("İstanbul", "Muğla", "Eskişehir")),
        ("polish.csv", "cp1250", ("Łódź", "Wrocław", "Poznań")),
        *((f"{name}.csv", codec, tuple(row.split(";")[0] for row in text.splitlines())) for name, codec, text in FOREIGN),
        ("british.csv", "cp1252", ("Forêt", "Cœur", "Kær")),
    ],
)
def test_encodings_are_told_from_the_bytes(files: Files, name: str, encoding: str, samples: tuple[str, ...]) -> None:
    assert files[name].encoding == encoding
    assert column(files[name], "name").samples == samples


def test_apostrophes_spaces_currencies_and_per_cent_are_parts_of_numbers(files: Files) -> None:
    assert column(files["swiss.csv"], "Fläche").maximum == 3456
    assert (column(files["swiss.csv"], "Umsatz").unit, column(files["swiss.csv"], "Umsatz").maximum) == ("%", 100)
    price = column(files["money.csv"], "price")
    assert (price.unit, price.minimum, price.maximum) == ("USD", -5, 1234.5)
    assert column(files["money.csv"], "rate").unit == "%"
    assert column(files["space.csv"], "wert").maximum == 12000.1
    people = column(files["thousands.csv"], "people")
    assert (people.maximum, people.dtype) == (345678, "integer")
    assert any("thousands" in a for a in table(files["thousands.csv"]).assumptions)


def test_the_cells_that_keep_a_column_from_being_numbers_are_named(files: Files) -> None:
    assert column(files["dirty.csv"], "takings").dtype == "string"
    assert table(files["dirty.csv"]).warnings == (
        '`takings` is read as text: most of its cells are plain numbers, but not "$500", "about 70"',
    )


def test_other_delimiters_quotes_and_line_ends(files: Files) -> None:
    assert files["pipes.csv"].delimiter == "|" and column(files["pipes.csv"], "c").maximum == 3.5
    assert column(files["quoted.csv"], "text").samples == ("a, b\nand c", 'say "hi"')
    assert table(files["old_mac.csv"]).rows == 2
    assert [c.name for c in table(files["one_column.csv"]).columns] == ["temp"]


def test_titles_units_totals_and_notes_are_left_out_and_said(files: Files) -> None:
    found = table(files["preamble.csv"])
    assert found.rows == 2 and column(files["preamble.csv"], "rain").unit == "mm"
    said = " ".join(found.assumptions)
    assert "Total" in said and "units" in said and "below the table" in said and "above the header" in said


def test_a_header_is_made_found_in_a_comment_or_completed(files: Files) -> None:
    assert [c.name for c in table(files["headless.csv"]).columns] == ["column_1", "column_2", "column_3"]
    assert table(files["headless.csv"]).rows == 3
    assert [c.name for c in table(files["commented.csv"]).columns] == ["station", "temp"]
    doubled = table(files["doubled.csv"])
    assert [c.name for c in doubled.columns] == ["a (column 1)", "a (column 2)", "b"] and doubled.warnings
    assert [c.name for c in table(files["r_style.csv"]).columns] == ["row", "x", "y"]


def test_rows_of_another_width_are_left_out_and_counted(files: Files) -> None:
    found = table(files["ragged.csv"])
    assert column(files["ragged.csv"], "a").maximum == 49
    assert any(w.startswith("2 of 52 rows have another number of cells") for w in found.warnings)


def test_roles_keep_ids_codes_and_years_from_being_measures(files: Files) -> None:
    roles = {c.name: c.role for c in table(files["codes.csv"]).columns}
    assert (
        roles["zip"] in ("id", "category") and roles["patient_id"] == "id" and roles["year"] == "time" and roles["row_count"] == "measure"
    )
    assert column(files["codes.csv"], "zip").samples[0] == "08001"
    assert column(files["serial.csv"], "n").role == "id" and column(files["serial.csv"], "day").role == "time"
    roles = {c.name: c.role for c in table(files["flags.csv"]).columns}
    assert roles == {"smoker": "flag", "rating": "ordinal", "answer": "ordinal"}


def test_a_sentinel_is_read_as_missing_and_said(files: Files) -> None:
    assert column(files["sentinel.csv"], "temp").missing == 2 and column(files["sentinel.csv"], "temp").minimum == 0.5
    assert table(files["sentinel.csv"]).warnings == ("`temp`: 2 cells hold -999, which is read as a missing marker",)
    assert table(files["one_sentinel.csv"]).warnings == ("`temp`: 1 cell holds -999, which is read as a missing marker",)


def test_a_single_cell_is_told_as_one(files: Files) -> None:
    assert table(files["one_word.csv"]).warnings == ("`temp`: 1 cell is no number and counts as missing ('much')",)


def test_pay_adds_up_where_a_total_is_asked_for_and_pay_by_the_hour_never_does(files: Files) -> None:
    salary, wage = column(files["pay.csv"], "Salary"), column(files["pay.csv"], "Hourly wage")
    assert (salary.unit, salary.additive) == ("USD", None)
    assert (wage.unit, wage.additive) == ("USD", False)
