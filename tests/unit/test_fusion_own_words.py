"""The platform's own numbers survive in its messages, and no other sentence may use them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from functions.fusion.numbers import numerals
from functions.fusion.own_words import own_clauses, own_spans
from functions.fusion.remarks import WITHHELD, Remarks
from schemas.analysis import AnalyticalReportPackage
from tests.support.packages import analysis, package

ROOT = Path(__file__).parents[2]
WRITTEN = sorted([*(ROOT / "functions/ds_star").glob("sandbox_scripts/*.py"), *(ROOT / "functions/ds_star").glob("reader/*.py")])
IN_ERRORS = ("a 7z archive", "a bzip2 archive", "an HDF5 file", "the file is empty (0 bytes)", "sqlite3 FILE", "more than 12,000,000 cells")
"""What stands in the error of a file, which is a recorded fact as a whole (``FileDescription.error``)."""
NO_SENTENCES = ("age alter altitude", "eur EUR; usd USD", "(?P<")
EXAMPLES = ('"5 March 2024"',)
"""What stands within a sentence, whose clause holds it."""
FROM_DATA = "777"
FILLED_IN = {
    "grain": "year",
    "asked.grain": "year",
    "what": "rows",
    "such": '"2020"',
    "MAX_BARS + left_out": FROM_DATA,
    "len(order)": FROM_DATA,
}


def messages() -> Iterator[tuple[str, str]]:
    """Every sentence that the extractive analysis can write: its constants in place, each other part as a name in backticks."""
    for path in WRITTEN:
        tree = ast.parse(path.read_text("utf-8"))
        constants = {
            target.id: node.value.value
            for module in (tree, *(ast.parse(p.read_text("utf-8")) for p in WRITTEN if p.stem in _imports(tree)))
            for node in module.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in _said(tree):
            text = _text(node, constants)
            if text.count(" ") >= 2:
                yield f"{path.name}:{getattr(node, 'lineno', 0)}", text


def _imports(tree: ast.Module) -> set[str | None]:
    return {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}


def _said(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Texts of the program, without docstrings and patterns."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    ):
        return
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _said(child)


def _text(node: ast.Constant | ast.JoinedStr, constants: Mapping[str, object]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    parts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            parts.append(_value(part, constants))
    return "".join(parts)


def _value(part: ast.FormattedValue, constants: Mapping[str, object]) -> str:
    if isinstance(part.value, ast.IfExp) and isinstance(part.value.body, ast.Constant):
        return str(part.value.body.value)
    if isinstance(part.value, ast.Name) and isinstance(number := constants.get(part.value.id), int):
        return f"{number:,}" if part.format_spec else str(number)
    return FILLED_IN.get(ast.unparse(part.value), "x")


def own_numbers(text: str) -> tuple[list[str], list[str]]:
    """The numbers of ``text`` that are the platform's own, and the others."""
    spans = own_spans(text, own_clauses(()))
    found = [(n.text, any(start <= n.span[0] and n.span[1] <= end for start, end in spans)) for n in numerals(text)]
    return [text for text, own in found if own], [text for text, own in found if not own]


def test_every_constant_in_a_message_of_the_extractive_analysis_is_registered() -> None:
    told = [
        (where, text)
        for where, text in messages()
        if not any(known in text for known in (*IN_ERRORS, *NO_SENTENCES)) and text not in EXAMPLES
    ]
    assert len([text for _, text in told if own_numbers(text)[0]]) >= 15, "the messages were not found"
    unknown = [(where, text) for where, text in told if set(own_numbers(text)[1]) - {FROM_DATA}]
    assert unknown == [], "put the clause into functions/fusion/own_words.py, or state the number in a typed field"


def described(encoding: str, note: str) -> AnalyticalReportPackage:
    data = analysis()
    return data.model_copy(
        update={"files": (data.files[0].model_copy(update={"encoding": encoding, "warnings": (note,)}), *data.files[1:])}
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Assumed: read as cp1252 (the bytes are not UTF-8); numbers have a decimal comma."),
        ("utf-16-le", "sales.csv: read as UTF-16-LE (no byte-order mark)"),
        ("utf-8", "`Datum`: dates are day first (a first number above 12 occurs)"),
        ("utf-8", "A trend needs at least 8"),
        ("utf-8", "The trend of a column is not given; a trend needs at least 8."),
        ("utf-8", "12 groups were computed; 6 are stated, all stand in the table"),
    ],
)
def test_what_the_platform_says_of_itself_is_neither_withheld_nor_counted(encoding: str, text: str) -> None:
    remarks = Remarks(package(research=None, analysis=described(encoding, text)))
    assert remarks.checked(text) == text
    assert remarks.withheld == 0


@pytest.mark.parametrize(
    ("encoding", "text", "withheld"),
    [
        # the clause with another number, or one that goes on
        ("cp1252", "a trend needs at least 88", 1),
        ("cp1252", "a trend needs at least 8 million", 1),
        ("cp1252", "a trend needs at least 8.5", 1),
        ("cp1252", "only the first 80 groups are read", 1),
        ("cp1252", "read as cp1251 (the bytes are not UTF-8)", 1),
        # an encoding that no file has, or that is none
        ("sales of 4711", "read as sales of 4711 (the bytes are not UTF-8)", 1),
        ("utf-8", "read as cp1252 (the bytes are not UTF-8)", 1),
        # the number in another sentence, and a name's number beside the clause
        ("cp1252", "the yield rose by 8 and 69 and cp1252", 3),
        ("cp1252", "at least 88 are needed", 1),
        ("cp1252", "fewer than two groups of `4711` have at least 3 `0815`, which is too few to compare", 2),
        ("cp1252", "Sales (the first 25 of 4711)", 1),
    ],
)
def test_no_other_sentence_may_use_the_platforms_numbers(encoding: str, text: str, withheld: int) -> None:
    remarks = Remarks(package(research=None, analysis=described(encoding, "")))
    assert remarks.checked(text).count(WITHHELD) == withheld == remarks.withheld
