"""TAT-QA: questions about one table of a financial report and the paragraphs around it.

A JSON list of contexts: ``table`` (uid, table: rows of cells), ``paragraphs`` (order, text), ``questions`` (uid, question, answer,
answer_type, scale). The table becomes a CSV file and the paragraphs a document; figures are stated in the table's scale.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from pydantic import Field

from infra.local.quality.formats.answers import figure, one_of, written
from infra.local.quality.formats.reading import Record, Skipped, first, question, read_list
from infra.local.quality.tasks import Check, Figure, Task, TaskFile
from shared.errors import BadInput

FILES = ("tatqa_dataset_dev.json", "tatqa_dataset_test_gold.json", "tatqa_dataset_train.json")
_HALF_A_CENT = 0.00500001
"""Answers of calculations are rounded to two decimals."""


class _Table(Record):
    uid: str
    table: tuple[tuple[str, ...], ...] = Field(min_length=1)


class _Paragraph(Record):
    order: int
    text: str


class _Question(Record):
    uid: str
    question: str
    answer: str | int | float | tuple[str, ...] | None = None
    answer_type: str = ""
    scale: str = ""


class _Context(Record):
    table: _Table
    paragraphs: tuple[_Paragraph, ...] = ()
    questions: tuple[_Question, ...]


def find(suite: Path) -> Path | None:
    """The development set, else the test set with its answers, else the training set."""
    return first(suite, tuple(place + name for name in FILES for place in ("", "dataset_raw/")))


def tasks(source: Path, workdir: Path) -> Iterator[Task | Skipped]:
    """Each question with its answer; the files of a context are written once."""
    for number, context in enumerate(read_list(source, _Context), start=1):
        folder = workdir / f"tatqa-{number}"
        data, documents = _files(context, folder)
        for asked in context.questions:
            name = f"tatqa-{asked.uid}"
            checks = _checks(asked)
            if not checks:
                yield Skipped(name, "it has no answer (the test set without answers cannot be scored)")
                continue
            try:
                asks = question(asked.question)
            except BadInput as error:
                yield Skipped(name, error.message)
                continue
            names = [tuple(path.name for path in paths) for paths in (data, documents)]
            yield Task(name, TaskFile(question=asks, inputs=names[0], docs=names[1], checks=checks), data, documents)


def _files(context: _Context, folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    folder.mkdir(parents=True, exist_ok=True)
    table, text = folder / "table.csv", folder / "paragraphs.md"
    with table.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(context.table.table)
    paragraphs = [one.text for one in sorted(context.paragraphs, key=lambda one: one.order) if one.text.strip()]
    if not paragraphs:
        return (table,), ()
    text.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
    return (table,), (text,)


def _checks(asked: _Question) -> tuple[Check, ...]:
    """All spans of the answer, or its number; a percentage may also be stated as a share of one."""
    if asked.answer is None:
        return ()
    if isinstance(asked.answer, tuple):
        return tuple(written(span) for span in asked.answer if span.strip())
    if asked.answer_type == "arithmetic" and not isinstance(asked.answer, str):
        forms = [Figure(number=float(asked.answer), tolerance=_HALF_A_CENT)]
        if asked.scale == "percent":
            forms.append(Figure(number=float(asked.answer) / 100, tolerance=_HALF_A_CENT / 100))
        return (one_of(*forms),)
    if isinstance(asked.answer, str):
        return (written(asked.answer),) if asked.answer.strip() else ()
    return (one_of(figure(Decimal(str(asked.answer)))),)
