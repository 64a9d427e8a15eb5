"""InfiAgent-DABench, the validation set: questions about one CSV file each, with named closed-form answers.

``da-dev-questions.jsonl`` (id, question, constraints, format, file_name), ``da-dev-labels.jsonl`` (id, common_answers: pairs of a
name and a text) and the folder ``da-dev-tables``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra.local.quality.formats.answers import written
from infra.local.quality.formats.reading import Record, Skipped, first, guidelines, question, read_lines
from infra.local.quality.tasks import Task, TaskFile
from shared.errors import BadInput

QUESTIONS, LABELS, TABLES = "da-dev-questions.jsonl", "da-dev-labels.jsonl", "da-dev-tables"
_PLACES = ("", "data/", "examples/DA-Agent/data/")


class _Question(Record):
    id: int | str
    question: str
    constraints: str = ""
    format: str = ""
    file_name: str


class _Label(Record):
    id: int | str
    common_answers: tuple[tuple[str, str | int | float | bool], ...]


def find(suite: Path) -> Path | None:
    """The file with the questions."""
    return first(suite, tuple(place + QUESTIONS for place in _PLACES))


def tasks(questions: Path, _: Path) -> Iterator[Task | Skipped]:
    """Each question that has its table and an answer that is not empty. ``BadInput`` where the labels are missing."""
    labels_file = questions.with_name(LABELS)
    if not labels_file.is_file():
        raise BadInput(f"There is no {LABELS} beside {questions}.", remedy="It holds the answers; download it too.")
    labels = {str(label.id): label for label in read_lines(labels_file, _Label)}
    for asked in read_lines(questions, _Question):
        name = f"dabench-{asked.id}"
        table = questions.parent / TABLES / Path(asked.file_name).name
        label = labels.get(str(asked.id))
        answers = [str(answer) for _, answer in label.common_answers] if label else []
        if label is None:
            yield Skipped(name, f"{LABELS} has no answer for it")
        elif not table.is_file():
            yield Skipped(name, f"there is no {TABLES}/{table.name}")
        elif not answers or not all(answer.strip() for answer in answers):
            yield Skipped(name, "its answer is empty, which no report can state")
        else:
            try:
                asks = question(asked.question, asked.constraints)
            except BadInput as error:
                yield Skipped(name, error.message)
                continue
            checks = tuple(written(answer) for answer in answers)
            content = TaskFile(question=asks, guidelines=guidelines(asked.format), inputs=(table.name,), checks=checks)
            yield Task(name, content, (table,), ())
