"""Questions over real tables, from the description by the analyzer to what the operations state."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints
from shared.sandbox import CodeSandbox
from tests.support.operations import Outcome, carry_out, describe, write


@dataclass
class Answer:
    """What came of a question: the statements and values of its operations, or why there are none."""

    refusal: str | None = None
    statements: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    limitations: list[str] = field(default_factory=list)

    def has(self, value: float | str) -> bool:
        """Whether the first statement has the value."""
        if isinstance(value, str):
            return value in self.statements[0]
        return any(isinstance(v, int | float) and abs(v - value) < 1e-6 * max(1.0, abs(value)) for v in self.values)


def as_csv(header: str, rows: Iterable[Sequence[object]]) -> str:
    """A table as text; ``None`` is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header.split(","), *[["" if v is None else v for v in row] for row in rows]])
    return out.getvalue()


def ask_all(sandbox: CodeSandbox, folder: Path, tables: Mapping[str, str], questions: Mapping[str, str]) -> dict[str, Answer]:
    """The answer to each of ``questions``, which names the table that it is about; all in one run of the sandbox."""
    inputs = [write(folder, name, text) for name, text in tables.items()]
    described = describe(sandbox, inputs, folder / "described")
    read = {q: read_question(SubQuestion(id="q1", text=q), [described[file]], ReadingHints()) for q, file in questions.items()}
    specs = {s.model_dump_json(): s for r in read.values() if isinstance(r, Reading) for s in r.specs}
    outcomes = dict(zip(specs, carry_out(sandbox, inputs, list(specs.values()), folder / "out"), strict=True)) if specs else {}
    answers = {}
    for question, outcome in read.items():
        if isinstance(outcome, Reading):
            answers[question] = _answer([outcomes[s.model_dump_json()] for s in outcome.specs], outcome.notes)
        else:
            answers[question] = Answer(refusal=outcome.reason)
    return answers


def _answer(outcomes: Sequence[Outcome], notes: tuple[str, ...]) -> Answer:
    answer = Answer(notes=notes)
    for outcome in outcomes:
        answer.limitations += outcome.result.limitations
        if outcome.result.refusal is not None:
            answer.refusal = outcome.result.refusal
            continue
        answer.statements += [outcome.sentence(i) for i in range(len(outcome.result.findings))]
        answer.values += [outcome.values[name] for name in outcome.result.findings[0].values or outcome.values]
    return answer
