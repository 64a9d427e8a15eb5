"""KramaBench: questions about a folder of raw files ("data lake") for each domain.

``workload/DOMAIN.json``: a list of tasks with ``id``, ``query``, ``answer``, ``answer_type``, ``data_sources`` and optionally
``accepted_answers``. The sources are paths, folders and patterns below ``data/DOMAIN/input``. Subtasks are not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path

from infra.local.quality.formats.answers import figure, number_in, one_of, written
from infra.local.quality.formats.reading import Record, Skipped, question, read_list
from infra.local.quality.tasks import Check, Figure, Task, TaskFile
from schemas.mission import MAX_INPUTS
from shared.errors import BadInput
from shared.inputs import DATA_SUFFIXES
from shared.reading.formats import SUFFIXES as DOCUMENT_SUFFIXES

_APPROXIMATE = 0.05
"""The benchmark reports the relative error of approximate numbers; here one within 5 % passes."""
_Scalar = str | int | float | bool
_Answer = _Scalar | list[_Scalar | list[_Scalar]] | None


class _Task(Record):
    id: str
    query: str
    answer: _Answer = None
    answer_type: str
    data_sources: tuple[str, ...] | str = ()
    accepted_answers: tuple[_Answer, ...] = ()


def find(suite: Path) -> Path | None:
    """The folder with ``workload`` and ``data``, or one workload file below it."""
    if suite.is_file():
        return suite if suite.parent.name == "workload" else None
    return suite if _workloads(suite) else None


def tasks(source: Path, _: Path) -> Iterator[Task | Skipped]:
    """Each task of each domain that has its data."""
    root = source.parent.parent if source.is_file() else source
    for workload in [source] if source.is_file() else _workloads(source):
        lake = root / "data" / workload.stem / "input"
        if not lake.is_dir():
            raise BadInput(f"There is no {lake}.", remedy=f"{workload.name} asks about the files in it; download data/{workload.stem} too.")
        files = sorted(path for path in lake.rglob("*") if path.is_file() and not path.name.startswith("."))
        for asked in read_list(workload, _Task):
            yield _task(asked, lake, files)


def _workloads(root: Path) -> list[Path]:
    """The workload of each domain: the others beside them are drafts and parts, for which there is no folder of data."""
    return [path for path in sorted((root / "workload").glob("*.json")) if (root / "data" / path.stem / "input").is_dir()]


def _task(asked: _Task, lake: Path, files: list[Path]) -> Task | Skipped:
    sources = (asked.data_sources,) if isinstance(asked.data_sources, str) else asked.data_sources
    found: dict[Path, None] = {}
    for wanted in sources:
        matching = _matching(wanted, lake, files)
        if not matching:
            return Skipped(asked.id, f"nothing in {lake} is called {wanted}")
        found |= dict.fromkeys(matching)
    if len(found) > MAX_INPUTS:
        return Skipped(asked.id, f"it needs {len(found)} files; a mission takes {MAX_INPUTS}")
    documents = tuple(path for path in found if _is_document(path))
    data = tuple(path for path in found if not _is_document(path))
    try:
        checks = _checks(asked)
        content = TaskFile(
            question=question(asked.query),
            inputs=tuple(path.name for path in data),
            docs=tuple(path.name for path in documents),
            checks=checks,
        )
    except BadInput as error:
        return Skipped(asked.id, error.message)
    return Task(asked.id, content, data, documents)


def _matching(wanted: str, lake: Path, files: list[Path]) -> list[Path]:
    """By path, folder or pattern below the lake, else by the file's name alone; capitals do not count, as in the workloads."""
    pattern = wanted.strip().removeprefix("./").casefold()
    names = {path: path.relative_to(lake).as_posix().casefold() for path in files}
    for also in (pattern, f"*/{pattern}"):
        inside = also if not also.endswith("/") else f"{also}*"
        if found := [
            path for path, name in names.items() if name == also or fnmatchcase(name, inside) or name.startswith(f"{also.rstrip('/')}/")
        ]:
            return found
    return []


def _is_document(path: Path) -> bool:
    return path.suffix.lower() in DOCUMENT_SUFFIXES and path.suffix.lower() not in DATA_SUFFIXES


def _checks(asked: _Task) -> tuple[Check, ...]:
    if asked.answer is None:
        raise BadInput("it has no answer.")
    relative = _APPROXIMATE if asked.answer_type.endswith("_approximate") else 0.0
    if isinstance(asked.answer, list):
        parts = [part for one in asked.answer for part in (one if isinstance(one, list) else [one])]
        if not parts:
            raise BadInput("its answer is an empty list, which no report can state.")
        return tuple(one_of(*_forms(part, relative)) for part in parts)
    others = [
        form for other in asked.accepted_answers if other is not None and not isinstance(other, list) for form in _forms(other, relative)
    ]
    return (one_of(*_forms(asked.answer, relative), *others),)


def _forms(answer: _Scalar, relative: float) -> tuple[str | Figure, ...]:
    """What counts as this answer."""
    if isinstance(answer, bool):
        return ("yes", "true") if answer else ("no", "false")
    if isinstance(answer, str):
        number = number_in(answer)
        if number is None or not relative:
            return written(answer).any_of
        return (figure(number).model_copy(update={"relative": relative}), answer)
    return (figure(Decimal(str(answer))).model_copy(update={"relative": relative}),)
