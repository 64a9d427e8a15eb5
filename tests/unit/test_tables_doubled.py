"""A header that has one name twice: none of its columns is the one of that name."""

from __future__ import annotations

import pytest

from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox
from tests.support.operations import column, describe, table, write
from tests.support.questions import read
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap

FILES = {
    "twice.csv": "region,revenue,revenue\nnorth,10,100\nsouth,20,200\neast,30,300\n",
    "equal.csv": "region,revenue,revenue\nnorth,10,10\nsouth,20,20\neast,30,30\n",
    "thrice.csv": "region,revenue (CHF),revenue (CHF),revenue (CHF)\nnorth,10,10,7\nsouth,20,20,8\neast,30,30,9\n",
}


@pytest.fixture(scope="module")
def files(sandbox: CodeSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescription]:
    folder = tmp_path_factory.mktemp("doubled")
    return describe(sandbox, [write(folder, name, text) for name, text in FILES.items()], folder / "out")


def test_a_name_that_two_columns_bear_is_asked_back_with_their_places(files: dict[str, FileDescription]) -> None:
    found = read("What is the total revenue by region?", files["twice.csv"])
    assert isinstance(found, Refusal) and found.kind == "ambiguous"
    assert '"revenue (column 2)" or "revenue (column 3)"' in found.reason


@pytest.mark.parametrize("question", ['What is the total of "revenue (column 3)"?', "What is the total revenue (column 3) by region?"])
def test_the_column_is_named_by_its_place(files: dict[str, FileDescription], question: str) -> None:
    found = read(question, files["twice.csv"])
    assert isinstance(found, Reading), found
    assert (found.specs[0].operation, found.specs[0].measure) == ("sum", "revenue (column 3)")


def test_columns_that_are_equal_cell_by_cell_are_one(files: dict[str, FileDescription]) -> None:
    assert [c.name for c in table(files["equal.csv"]).columns] == ["region", "revenue"]
    assert any("with the same cells" in a for a in table(files["equal.csv"]).assumptions)
    assert isinstance(read("What is the total revenue?", files["equal.csv"]), Reading)


def test_a_place_hides_neither_the_unit_nor_what_adds_up(files: dict[str, FileDescription]) -> None:
    assert [c.name for c in table(files["thrice.csv"]).columns] == ["region", "revenue (CHF) (column 2)", "revenue (CHF) (column 4)"]
    found = column(files["thrice.csv"], "revenue (CHF) (column 4)")
    assert (found.unit, found.additive, found.role) == ("CHF", True, "measure")
