"""Tables that a run left, as the page shows them."""

from __future__ import annotations

from functions.fusion.render.tables import MAX_ROWS, read_table
from schemas.outcome import OutcomeArtifact

ARTIFACT = OutcomeArtifact(name="t.csv", kind="table", sha256="0" * 64, media_type="text/csv")


def test_numbers_of_a_column_have_the_same_decimals_and_names_stay() -> None:
    table = read_table(ARTIFACT, b"code,year,mean,rows\n007,2019,11,12345\n008,2020,-11.2534,6\n009,2021,,7\n")
    assert table is not None
    assert table.rows == (("007", "2019", "11.00", "12,345"), ("008", "2020", "−11.25", "6"), ("009", "2021", "", "7"))
    assert table.numeric == (True, True, True, True)
    assert not table.cut


def test_a_long_or_ragged_table_is_cut_to_what_a_page_bears() -> None:
    table = read_table(ARTIFACT, b"a,b\n" + b"1\n" * 100)
    assert table is not None
    assert (len(table.rows), table.cut, table.rows[0]) == (MAX_ROWS, True, ("1", ""))


def test_what_is_no_table_is_none() -> None:
    assert read_table(ARTIFACT, b"") is None
    assert read_table(ARTIFACT, b"only,a,header\n") is None
    assert read_table(ARTIFACT.model_copy(update={"name": "t.parquet", "media_type": "application/x-parquet"}), b"PAR1") is None
