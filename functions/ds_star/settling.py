"""What the model loop came to, as findings: each sentence of the Finalizer that holds, or a plain line for each recorded value.

No figure is a model's (invariant 6): statements carry value ids in slots, and a sentence with any other figure is dropped and counted.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from functions.ds_star.asserting import About, assertion_of
from functions.ds_star.loop_state import Candidate
from functions.ds_star.origin import not_from_data
from functions.ds_star.requesting import requesting_unmet
from functions.ds_star.roles.finalizer import FINALIZER, FinalizerAnswer
from functions.ds_star.state import DataFile, DsStarState, OpenFinding
from schemas.analysis import AnalysisAnswer, AnalysisArtifact, FileDescription, Finding, Value
from schemas.evidence import AnswerStatus
from shared.language.instructions import reads_like_instructions
from shared.language.mistaken import Kinds

UNVERIFIED = "analysis_unverified"
"""The flag of findings that no verifier called sufficient."""
MAX_COLUMNS_SHOWN = 12
_SLOT = re.compile(r"\{(v\d+)\}")
_NUMBER = re.compile(r"\d+(?:[.,'’]\d+)*")
_ADDRESS = re.compile(r"https?:|www\.|\b[\w-]+\.(?:com|org|net|io|ru|cn)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Sentence:
    """A statement with the ids of the values in its slots."""

    question_id: str
    text: str
    value_ids: tuple[str, ...]
    about: About | None = None


def settled(state: DsStarState, best: Candidate, worded: FinalizerAnswer | None, code: str, tier: str) -> DsStarState:
    """The state with the best run's values, artifacts, findings and answers in it.

    With ``worded`` every sub-question is answered; without it only those that a value was recorded for, in plain lines.
    """
    if best.sufficient and (why := not_from_data(code, [v.value for v in best.run.values])):
        best = best.model_copy(update={"sufficient": False, "missing": why})
    first = len(state.values)
    values = tuple(
        Value(
            id=f"v{first + i}",
            name=v.name,
            value=v.value,
            unit=v.unit,
            n=v.n,
            filters=v.filters,
            run=best.run_id,
            line=v.line + best.run.lines_before if v.line else 0,
        )
        for i, v in enumerate(best.run.values, start=1)
    )
    by_id = {value.id: value for value in values}
    used, columns = _read_by(code, state.files, state.descriptions)
    sentences, dropped = _sentences(state, best, worded, values, columns)
    findings = tuple(
        OpenFinding(
            finding=Finding(
                id=f"f{len(state.findings) + i}",
                question_id=sentence.question_id,
                statement=sentence.text,
                assertion=assertion_of(sentence.about, [by_id[i] for i in sentence.value_ids], columns),
                value_ids=sentence.value_ids,
                n_used=by_id[sentence.value_ids[0]].n,
                inputs=used,
                columns=columns,
                run=best.run_id,
                verified=best.sufficient,
                tier=tier if worded is not None else "extractive",
                prompt_version=f"{FINALIZER.prompt.front.id}@{FINALIZER.prompt.front.version}" if worded is not None else None,
            )
        )
        for i, sentence in enumerate(sentences, start=1)
    )
    answers = tuple(_answers(state, best, worded, findings))
    said = {a.question_id: a for a in worded.answers} if worded is not None else {}
    for question in state.sub_questions:
        if any(a.question_id == question.id and a.status == "not_answered" for a in answers):
            own = said.get(question.id)
            why = safe_remark((own.note if own is not None else "") or best.missing)
            state = requesting_unmet(state, question, why, safe_remark(own.needed) if own is not None else "")
    return state.model_copy(
        update={
            "values": (*state.values, *values),
            "findings": (*state.findings, *findings),
            "artifacts": (*state.artifacts, *_artifacts(len(state.artifacts), best)),
            "answers": (*state.answers, *answers),
            "plan": (*state.plan, *(step.text for step in best.steps)),
            "dropped": state.dropped + dropped,
            "limitations": (*state.limitations, *_said_of(best)),
            "flags": state.flags if best.sufficient or not findings else (*state.flags, UNVERIFIED),
        }
    )


def safe_remark(text: str) -> str:
    """A model's remark on one line; empty where it speaks to the reader or points somewhere."""
    line = " ".join(text.split())
    return "" if reads_like_instructions(line) or _ADDRESS.search(line) else line


def _said_of(best: Candidate) -> tuple[str, ...]:
    if best.sufficient:
        return ()
    missing = safe_remark(best.missing)
    return (f"The analysis could not be verified{f': {missing}' if missing else '.'}",)


def _sentences(
    state: DsStarState, best: Candidate, worded: FinalizerAnswer | None, values: Sequence[Value], columns: Sequence[str]
) -> tuple[list[Sentence], int]:
    """(the sentences that hold, how many do not)."""
    if worded is None:
        plain = [
            Sentence(best.question_of[v.name], f"{_line(v.name)}: {{{value.id}}}", (value.id,))
            for v, value in zip(best.run.values, values, strict=True)
            if v.name in best.question_of and v.value is not None
        ]
        return plain, 0
    ids = {f"v{i}": value for i, value in enumerate(values, start=1)}
    known = _numbers(_sources(state, columns))
    kinds = Kinds.of(column.values for file in state.descriptions for table in file.tables for column in table.columns)
    recorded_for = {slot: f"{value.name} {value.filters or ''}" for slot, value in ids.items()}
    kept: list[Sentence] = []
    for found in worded.findings:
        statement = " ".join(found.statement.split())
        cited = [ids[slot] for slot in dict.fromkeys(_SLOT.findall(statement))]
        own = known | _numbers(text for v in cited for text in (v.name, v.filters or ""))
        if not cited or _numbers([_SLOT.sub(" ", statement)]) - own or safe_remark(statement) != statement:
            continue
        if kinds.mistaken(statement, recorded_for):
            continue
        with_ids = _SLOT.sub(lambda m: "{" + ids[m.group(1)].id + "}", statement)
        kept.append(Sentence(found.question_id, with_ids, tuple(v.id for v in cited), found.about))
    return kept, len(worded.findings) - len(kept)


def _sources(state: DsStarState, columns: Sequence[str]) -> list[str]:
    """Texts whose numbers a sentence may hold without a slot: the question, and the names of what was read."""
    questions = [q.text for q in state.sub_questions]
    return [*questions, *(file.name for file in state.files), *columns]


def _numbers(texts: Iterable[str]) -> set[str]:
    return {number for text in texts for number in _NUMBER.findall(text)}


def _line(name: str) -> str:
    """A value's name as the beginning of a sentence, unable to be taken for a slot."""
    plain = name.replace("{", "(").replace("}", ")")
    return plain[:1].upper() + plain[1:]


def _answers(
    state: DsStarState, best: Candidate, worded: FinalizerAnswer | None, findings: Sequence[OpenFinding]
) -> Iterable[AnalysisAnswer]:
    told = {a.question_id: a for a in worded.answers} if worded is not None else {}
    reading = "; ".join(step.text for step in best.steps)
    for question in state.sub_questions:
        own = tuple(f.finding.id for f in findings if f.finding.question_id == question.id)
        said = told.get(question.id)
        if worded is None and not own:
            continue
        status: AnswerStatus = "not_answered" if not own else "partial" if not best.sufficient else "answered"
        if own and said is not None and said.status != "answered":
            status = "partial"
        notes = [safe_remark(said.note) if said is not None else ""]
        if own and not best.sufficient:
            notes.append("The figures that were calculated could not be verified.")
        if not own and not any(notes):
            notes.append("Not answered: no figure was found for it in the data.")
        yield AnalysisAnswer(
            question_id=question.id,
            status=status,
            reading=f"Calculated in these steps: {reading}" if own else "",
            finding_ids=own,
            note=" ".join(note for note in notes if note),
        )


def _artifacts(first: int, best: Candidate) -> Iterable[AnalysisArtifact]:
    """The run's script, charts and tables."""
    run = best.run
    caption = "The script that calculated these figures, to be run again anywhere"
    made = [(run.script_name, "script", run.script, run.script_sha256, "text/x-python", caption)]
    made += [(o.name, o.kind, o.uri, o.sha256, o.media_type, _caption(o.name)) for o in run.outputs]
    for i, (name, kind, uri, sha256, media_type, text) in enumerate(made, start=first + 1):
        about = {"id": f"a{i}", "name": name, "kind": kind, "uri": uri, "sha256": sha256, "media_type": media_type}
        yield AnalysisArtifact.model_validate({**about, "caption": text, "run": best.run_id})


def _caption(name: str) -> str:
    """What the file's name says: ``03-mean-height.svg`` is "Mean height"."""
    words = re.sub(r"[-_]+", " ", name.partition("-")[2].rpartition(".")[0]).strip()
    return words[:1].upper() + words[1:]


def _read_by(code: str, files: Sequence[DataFile], descriptions: Sequence[FileDescription]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(sha256 of the files, names of the columns) that the code names; all files where it names none."""
    texts = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    named = [f for f in files if f.name in texts] or list(files)
    names = {f.name for f in named}
    columns = [c.name for d in descriptions if d.file in names for t in d.tables for c in t.columns if c.name in texts]
    return tuple(dict.fromkeys(f.sha256 for f in named)), tuple(dict.fromkeys(columns))[:MAX_COLUMNS_SHOWN]
