"""HotpotQA in the distractor setting: a question, ten paragraphs of which two hold the facts, and a short answer.

A JSON list of records: ``_id``, ``question``, ``answer``, ``supporting_facts`` (pairs of a title and a sentence's number) and
``context`` (pairs of a title and its sentences). Each paragraph becomes a document. A task passes where the answer is stated and
every paragraph that holds a supporting fact is cited.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from infra.local.quality.formats.answers import written
from infra.local.quality.formats.reading import Record, Skipped, file_name, first, question, read_list
from infra.local.quality.tasks import Check, MustCite, Task, TaskFile
from shared.errors import BadInput

FILES = ("hotpot_dev_distractor_v1.json", "hotpot_train_v1.1.json")


class _Record(Record):
    id: str = Field(alias="_id")
    question: str
    answer: str | None = None
    supporting_facts: tuple[tuple[str, int], ...] = ()
    context: tuple[tuple[str, tuple[str, ...]], ...]


def find(suite: Path) -> Path | None:
    """The development set of the distractor setting, else the training set."""
    return first(suite, FILES)


def tasks(source: Path, workdir: Path) -> Iterator[Task | Skipped]:
    """Each question; its paragraphs are written when its turn comes."""
    for record in read_list(source, _Record):
        name = f"hotpotqa-{file_name(record.id)}"
        titles = {title for title, _ in record.context}
        lost = [title for title, _ in record.supporting_facts if title not in titles]
        if record.answer is None or not record.answer.strip():
            yield Skipped(name, "it has no answer (the test set cannot be scored)")
        elif lost:
            yield Skipped(name, f"the paragraph {lost[0]!r} with a supporting fact is not in its context")
        else:
            try:
                asks = question(record.question)
            except BadInput as error:
                yield Skipped(name, error.message)
                continue
            cited = dict.fromkeys(title for title, _ in record.supporting_facts)
            checks: tuple[Check, ...] = (written(record.answer), *(MustCite(type="must_cite", source=title) for title in cited))
            documents = _documents(record, workdir / name)
            content = TaskFile(question=asks, docs=tuple(path.name for path in documents), checks=checks)
            yield Task(name, content, (), documents)


def _documents(record: _Record, folder: Path) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    written_files = []
    for number, (title, sentences) in enumerate(record.context, start=1):
        path = folder / f"{number:02}_{file_name(title)}.md"
        path.write_text(f"# {title}\n\n{''.join(sentences).strip()}\n", encoding="utf-8")
        written_files.append(path)
    return tuple(written_files)
