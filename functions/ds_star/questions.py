"""The sub-questions of a mission, split as research splits them."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from shared.errors import NotUnderstood
from shared.language.detect import require_language
from shared.language.split import split_question


def questions_of(question: str, descriptions: Sequence[FileDescription]) -> tuple[tuple[SubQuestion, ...], str]:
    """(the sub-questions, why none of them is read). The words of the files' columns and cells are no evidence of a language."""
    names = [name for file in descriptions for table in file.tables for column in table.columns for name in (column.name, *column.values)]
    try:
        return split_question(question, language=_language(question, names)), ""
    except NotUnderstood as error:
        return (SubQuestion(id="q1", text=question),), str(error)


def _language(question: str, names: Sequence[str]) -> str:
    try:
        return require_language(question)
    except NotUnderstood:
        return require_language(question, names=names)
