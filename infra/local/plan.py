"""How a question would be read, before anything is run: the files are described in the sandbox, no operation is carried out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from functions.ds_star.analyzer import DataInput, analyze_file
from functions.ds_star.questions import questions_of
from functions.ds_star.reader.reading import Refusal
from functions.ds_star.roles.planner import PlannerInput, plan
from infra.local.files import LocalFile
from schemas.analysis import FileDescription
from schemas.mission import MissionRequest
from shared.counted import counted
from shared.data_folder import folder_in
from shared.documents import Json
from shared.errors import BadInput
from shared.knowledge.port import Scope
from shared.missions.submission import priced_model
from shared.reading.formats import detect_format
from shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class SubPlan:
    """One sub-question: how the analysis reads it, or why it does not and what could be asked instead."""

    question: str
    status: Literal["read", "not_read"]
    text: str
    notes: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """For a program."""
        return {
            "question": self.question,
            "status": self.status,
            "reading": self.text if self.status == "read" else None,
            "why_not": self.text if self.status == "not_read" else None,
            "notes": list(self.notes),
            "suggestions": list(self.suggestions),
        }


@dataclass(frozen=True, slots=True)
class FilePlan:
    """A file as it was found: what is in it, or what is wrong with it."""

    name: str
    kind: str
    detail: str
    usable: bool

    def as_json(self) -> dict[str, Json]:
        """For a program."""
        return {"name": self.name, "kind": self.kind, "detail": self.detail, "usable": self.usable}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a mission would do. ``bound_micro_usd`` is the most it could cost."""

    sub_questions: tuple[SubPlan, ...]
    files: tuple[FilePlan, ...]
    bound_micro_usd: int


def plan_mission(runtime: Runtime, request: MissionRequest, files: Sequence[LocalFile], *, owner: str) -> Plan:
    """Read the question against the files. Costs nothing; the files' descriptions are kept for the mission to come.

    Raises ``BadInput`` where the mission would be refused for want of a price, or of anything to work on.
    """
    priced_model(request, on=runtime.clock.now().date())
    space = _space(runtime, owner, request.knowledge_space)
    if not files and not space and not request.tracks.deep_research.remote:
        raise BadInput(
            "There is nothing to work on: no data, no documents, and the knowledge space is empty.",
            remedy="Give files with --data and --docs, fill the space with `kimera space add`, or use --web or --research.",
        )
    with tempfile.TemporaryDirectory(dir=folder_in(runtime.home, "scratch"), prefix="plan-") as folder:
        descriptions = [
            analyze_file(runtime.sandbox, runtime.artifacts, DataInput.of(file.path, name=file.name), Path(folder))
            for file in files
            if file.kind == "data"
        ]
    found = (*map(_described, descriptions), *(_document(file) for file in files if file.kind == "document"), *space)
    bound = request.budget.cap_micro_usd if request.may_buy else 0
    return Plan(tuple(_readings(request, descriptions, documents=len(found) > len(descriptions))), found, bound)


def _readings(request: MissionRequest, descriptions: Sequence[FileDescription], *, documents: bool) -> Iterator[SubPlan]:
    questions, refusal = questions_of(request.question, descriptions)
    usable = tuple(description for description in descriptions if description.error is None)
    before = None
    for question in questions:
        if refusal:
            yield SubPlan(question.text, "not_read", refusal)
            continue
        planned = plan(PlannerInput(question, data=usable, before=before, hints=request.hints))
        if isinstance(planned, Refusal):
            why = "There are no data to calculate with." if not usable else planned.note
            also = (" The documents are searched for it.",) if documents else ()
            yield SubPlan(question.text, "not_read", why + "".join(also), suggestions=planned.suggestions)
        else:
            before = planned.specs[0]
            yield SubPlan(question.text, "read", planned.text, notes=planned.notes)


def _space(runtime: Runtime, owner: str, space: str) -> list[FilePlan]:
    """The documents that the knowledge space brings along."""
    if not (runtime.home / "knowledge.sqlite3").exists():
        return []
    nodes = runtime.knowledge.nodes(Scope(owner, space), "Document")
    return [FilePlan(str(node.properties.get("name", node.id)), "document", f"in the space {space}", usable=True) for node in nodes]


def _described(description: FileDescription) -> FilePlan:
    if description.error is not None:
        return FilePlan(description.file, "data", description.error, usable=False)
    tables = "; ".join(
        f"{table.name}: {counted(table.rows, 'row')}, {counted(len(table.columns), 'column')}" for table in description.tables
    )
    said = [*description.warnings, *(a for table in description.tables for a in (*table.assumptions, *table.warnings))]
    return FilePlan(description.file, "data", " ".join([tables, *(f"[{text}]" for text in said[:5])]), usable=True)


def _document(file: LocalFile) -> FilePlan:
    try:
        found = detect_format(file.path, file.name)
    except BadInput as error:
        return FilePlan(file.name, "document", str(error), usable=False)
    return FilePlan(file.name, "document", f"{found.name}, {file.size:,} bytes", usable=True)
