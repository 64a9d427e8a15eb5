"""``DsStarTrack``: describe the files, then one round per slice: Planner, Coder, sandbox, Verifier, Router; at the end the Finalizer.

Slices: tables of documents and descriptions (as many as fit before the checkpoint), then one round each. With models the rounds are those
of the model loop (``functions/ds_star/loop.py``), for all sub-questions together. Without, and for what a loop that lost its models left
open, a round is one extractive operation for one sub-question: no model, the same package every time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

from functions.ds_star.analyzer import DataInput
from functions.ds_star.collect import collect
from functions.ds_star.describing import MAX_FILES, describe_with_model
from functions.ds_star.loop import ModelLoop, Turn, reported, using, without_model
from functions.ds_star.questions import questions_of
from functions.ds_star.reader.reading import Reading, Refusal
from functions.ds_star.requesting import because, read_ahead, requesting
from functions.ds_star.roles.analyzer import ANALYZER, AnalyzerInput, analyze, sandbox_input, why_lost
from functions.ds_star.roles.coder import CoderInput, code, files_of
from functions.ds_star.roles.finalizer import FinalizerInput, finalize
from functions.ds_star.roles.planner import PlannerInput, plan
from functions.ds_star.roles.router import RouterInput, route
from functions.ds_star.roles.verifier import verify
from functions.ds_star.state import DataFile, DsStarState, Work
from functions.ds_star.suggested import as_asked, is_suggested, offering, take_up_hypotheses, waiting
from functions.ds_star.tables import read_tables
from schemas.analysis import AnalysisAnswer, FileDescription, Round
from schemas.evidence import AnswerStatus, Lineage, SubQuestion, Usage
from schemas.mission import MissionInput, Tier
from shared.counted import counted
from shared.documents import Json
from shared.errors import InputUnreadable, NoModelAnswer
from shared.language.instructions import INSTRUCTION_LIKE, reads_like_instructions
from shared.models.asking import Models
from shared.models.flags import TIER_EXTRACTIVE
from shared.sandbox import CodeSandbox
from shared.tracks import Note, SliceContext, SliceOutcome

_NOT_UNDERSTOOD = ("unmatched", "ambiguous", "no_operation")


class DsStarTrack:
    """The analysis track over the mission's data files, and the tables of its documents."""

    def __init__(self, sandbox: CodeSandbox) -> None:
        self._sandbox = sandbox

    @property
    def state_type(self) -> type[DsStarState]:
        """``DsStarState``."""
        return DsStarState

    def step(self, context: SliceContext, state: DsStarState) -> SliceOutcome[DsStarState]:
        """Do the next slice; see ``TrackLogic.step``."""
        return offering(self._worked(context, state))

    def _worked(self, context: SliceContext, state: DsStarState) -> SliceOutcome[DsStarState]:
        if state.started_at is None:
            data = tuple(_data_file(context, item) for item in context.request.inputs if item.kind == "data")
            state = state.model_copy(update={"started_at": context.clock.now(), "files": data})
        if not state.tables_read:
            return self._read_tables(context, state)
        if len(state.descriptions) < len(state.files):
            return self._analyze(context, state)
        models = context.models
        unread = [i for i, description in enumerate(state.descriptions) if description.error is not None][:MAX_FILES]
        if models is not None and state.loop is None and _may_loop(state, models) and state.retold < len(unread):
            return self._retell(context, models, state, unread[state.retold])
        state = _questioned(context, state)
        if _may_loop(state, models):
            return self._play(context, models, state)
        if context.request.tier is not Tier.EXTRACTIVE and models is None and state.loop is None:
            state = state.model_copy(update={"flags": tuple(dict.fromkeys((*state.flags, TIER_EXTRACTIVE)))})
        if state.refusal or not state.files:
            return self._finished(context, _all_refused(state), None)
        state, heard = take_up_hypotheses(context, state, lambda question: _planned(context, state, question))
        state = _to_open_question(state, state.next_question)
        if state.next_question >= len(state.sub_questions):
            return self._ended(context, state, *heard)
        if state.work is None:
            state = self._plan(context, state)
        if state.work is None:
            return self._next(context, state, state.answers[-1].note, *heard)
        return self._round(context, state, state.work, *heard)

    def close(self, context: SliceContext, state: DsStarState, reason: str) -> SliceOutcome[DsStarState]:
        """The package with what was calculated so far; see ``TrackLogic.close``."""
        if not state.sub_questions:
            found, refusal = questions_of(context.request.question, state.descriptions)
            state = state.model_copy(update={"sub_questions": found, "refusal": refusal})
        if state.loop is not None and state.loop.stage != "settled":
            state = reported(context, Turn(state, state.loop)).state
        refused = state.refusal and state.loop is None
        return offering(self._finished(context, _all_refused(state) if refused else state, reason))

    # --- files ---------------------------------------------------------------------------------------------------

    def _read_tables(self, context: SliceContext, state: DsStarState) -> SliceOutcome[DsStarState]:
        """The tables of the documents, as data files."""
        following = read_tables(self._sandbox, context, state)
        if following.tables_read and context.time_left() > 0:
            return self._worked(context, following)
        found = sum(file.origin == "document" for file in following.files)
        read = following.next_document + following.read_from_end
        documents = counted(len(context.documents), "document")
        return SliceOutcome(following, progress=f"{counted(found, 'table')} found in {read} of {documents}")

    def _analyze(self, context: SliceContext, state: DsStarState) -> SliceOutcome[DsStarState]:
        """Describe files until the checkpoint; at least one."""
        found = list(state.descriptions)
        new: list[FileDescription] = []
        while len(found) < len(state.files) and (not new or context.time_left() > 0):
            file = state.files[len(found)]
            context.doing(f"describing {file.name} ({len(found) + 1} of {counted(len(state.files), 'file')})")
            described = analyze(self._sandbox, context.artifacts, AnalyzerInput(file, context.workdir))
            found.append(described)
            new.append(described)
        following = state.model_copy(update={"descriptions": tuple(found)})
        if len(found) == len(state.files) and context.models is None:
            questioned = _questioned(context, following)
            following = read_ahead(questioned, lambda read, question: _planned(context, read, question))
        rows = sum(table.rows for file in new for table in file.tables)
        unreadable = sum(file.error is not None for file in new)
        speaking = sum(any(reads_like_instructions(text) for text in _texts(file)) for file in new)
        detail: dict[str, Json] = {"files": len(new), "rows": rows, "unreadable": unreadable}
        note = Note("files.described", detail | ({INSTRUCTION_LIKE: speaking} if speaking else {}))
        progress = f"described {len(found)} of {counted(len(state.files), 'file')} ({counted(rows, 'row')})"
        return SliceOutcome(following, progress=progress, notes=(note,))

    def _retell(self, context: SliceContext, models: Models, state: DsStarState, at: int) -> SliceOutcome[DsStarState]:
        """Have a model describe a file that the analyzer could not read; the slice ends with it (see ``describe_with_model``)."""
        before = state.descriptions[at]
        try:
            after = describe_with_model(self._sandbox, context, models, state.files[at], before)
        except NoModelAnswer:
            after = before
        descriptions = (*state.descriptions[:at], after, *state.descriptions[at + 1 :])
        change = {"descriptions": descriptions, "retold": state.retold + 1, "usage": _added(state, models)}
        state = using(state, ANALYZER.prompt).model_copy(update=change)
        note = Note("file.retold", {"file": at + 1, "readable": after.text is not None})
        return SliceOutcome(
            state, progress="described a file by a script of its own" if after.text else "a file stays unread", notes=(note,)
        )

    # --- rounds --------------------------------------------------------------------------------------------------

    def _play(self, context: SliceContext, models: Models | None, state: DsStarState) -> SliceOutcome[DsStarState]:
        """A round of the model loop, or its end where the slice has no models any more."""
        if models is None:
            assert state.loop is not None, "a loop without models was begun with them"
            why = "the mission went down to the tier without models"
            turn = without_model(context, Turn(state, state.loop), TIER_EXTRACTIVE, why, (TIER_EXTRACTIVE,))
            state, notes = turn.state.model_copy(update={"loop": turn.loop}), turn.notes
        else:
            state, notes = ModelLoop(self._sandbox, context, models, state).play(state)
            state = state.model_copy(update={"usage": _added(state, models)})
        assert state.loop is not None, "the loop was played"
        if state.loop.stage == "settled" and {q.id for q in state.sub_questions} <= {a.question_id for a in state.answers}:
            return self._ended(context, state, *notes)
        last = state.rounds[-1] if state.rounds else None
        progress = f"round {last.number}: {last.verdict}, {last.route.replace('_', ' ')}" if last else f"round {state.loop.round} has begun"
        return SliceOutcome(state, progress=progress, notes=notes)

    def _plan(self, context: SliceContext, state: DsStarState) -> DsStarState:
        """The next sub-question's operations, or its refusal as an answer."""
        question = state.sub_questions[state.next_question]
        origin = {file.name: file.origin for file in state.files}
        usable = [d for d in state.descriptions if d.error is None]
        planned = _planned(context, state, as_asked(state, question))
        if isinstance(planned, Refusal):
            return _refused(state, question, planned)
        source = planned.specs[0].source.file
        told = (f"calculated from {source}, a table in a document",) if origin[source] == "document" else ()
        told = told or ((f"calculated from {source}",) if len(usable) > 1 else ())
        work = Work(question_id=question.id, reading=planned.text, specs=planned.specs, notes=(*told, *planned.notes))
        return state.model_copy(
            update={
                "work": work,
                "last_spec": planned.specs[0],
                "calculated": state.calculated | {question.id: planned.specs},
                "plan": (*state.plan, f"{question.text}: {_plain(planned)}"),
            }
        )

    def _round(self, context: SliceContext, state: DsStarState, work: Work, *notes: Note) -> SliceOutcome[DsStarState]:
        """One operation: code, run, verify, route."""
        spec = work.specs[work.done]
        outputs = context.workdir / f"outputs-{len(state.rounds) + 1}"
        shutil.rmtree(outputs, ignore_errors=True)
        state, inputs = _fetched(self._sandbox, context, state, set(files_of(spec)))
        context.doing(f"calculating: {_describe(work, spec.operation)}")
        run = code(self._sandbox, CoderInput(spec, state.descriptions, inputs, outputs))
        verdict = verify(run)
        collected = collect(context, state, work.question_id, run, verdict)
        routed = route(RouterInput(verdict, spec, work.tries + 1, len(work.specs) - work.done - 1))
        entry = Round(
            number=len(state.rounds) + 1,
            question_id=work.question_id,
            plan=(_describe(work, spec.operation),),
            run=collected.run_id,
            verdict=verdict.kind,
            route=routed.route,
            note=verdict.reason or routed.note,
        )
        problems = (*work.problems, verdict.reason) if verdict.kind != "sufficient" and routed.route != "retry_narrowed" else work.problems
        update: dict[str, object] = {"finding_ids": (*work.finding_ids, *collected.finding_ids), "problems": problems}
        update["notes"] = tuple(
            dict.fromkeys(
                (*work.notes, *(run.assumptions if verdict.kind == "sufficient" else ()), *([routed.note] if routed.note else []))
            )
        )
        if routed.route == "retry_narrowed" and routed.spec is not None:
            update |= {"tries": work.tries + 1, "specs": (*work.specs[: work.done], routed.spec, *work.specs[work.done + 1 :])}
        else:
            update |= {"tries": 0, "done": work.done + 1}
        following = work.model_copy(update=update)
        state = collected.state.model_copy(update={"work": following, "rounds": (*state.rounds, entry)})
        note = Note("round.finished", {"round": entry.number, "operation": spec.operation, "verdict": verdict.kind, "route": routed.route})
        if following.done < len(following.specs):
            return SliceOutcome(state, progress=f"{spec.operation.replace('_', ' ')}: {verdict.kind}", notes=(*notes, note))
        answer = _answer(following)
        state = state.model_copy(update={"work": None, "answers": (*state.answers, answer)})
        return self._next(context, state, f"{work.reading.split(';')[0]}: {answer.status.replace('_', ' ')}", *notes, note)

    def _next(self, context: SliceContext, state: DsStarState, progress: str, *notes: Note) -> SliceOutcome[DsStarState]:
        """On to the next sub-question; refusals cost nothing and are read in the same slice."""
        state = _to_open_question(state, state.next_question + 1)
        while state.next_question < len(state.sub_questions):
            state = self._plan(context, state)
            if state.work is not None:
                return SliceOutcome(state, progress=progress, notes=notes)
            state = _to_open_question(state, state.next_question + 1)
        return self._ended(context, state, *notes)

    def _ended(self, context: SliceContext, state: DsStarState, *notes: Note) -> SliceOutcome[DsStarState]:
        """The end, unless the documents may still suggest something that is worth a short wait."""
        return waiting(context, state, *notes) or self._finished(context, state, None, *notes)

    def _finished(self, context: SliceContext, state: DsStarState, reason: str | None, *notes: Note) -> SliceOutcome[DsStarState]:
        now = context.clock.now()
        lineage = Lineage(
            mission_id=context.mission_id,
            track=context.track,
            attempt=context.attempt,
            epoch=context.epoch,
            started_at=state.started_at or now,
            finished_at=now,
            closed_because=reason,
        )
        package = finalize(FinalizerInput(context.request.question, state.sub_questions, state, lineage, reason))
        answered = sum(a.status in ("answered", "partial") for a in package.answers)
        progress = f"{counted(len(package.findings), 'finding')} for {answered} of {counted(len(package.answers), 'sub-question')}"
        return SliceOutcome(state, package=package, progress=progress, notes=notes, flags=package.flags)


def _data_file(context: SliceContext, item: MissionInput) -> DataFile:
    """The input under a name of one path component, as a sandbox takes it."""
    return DataFile(name=item.name.replace("/", " - "), uri=item.uri, sha256=item.sha256 or context.artifacts.stat(item.uri).sha256)


def _fetched(sandbox: CodeSandbox, context: SliceContext, state: DsStarState, names: set[str]) -> tuple[DsStarState, list[DataInput]]:
    """The files as the sandbox takes them; the state says of one that was damaged since it was described that it cannot be read."""
    inputs: list[DataInput] = []
    for file in state.files:
        if file.name in names:
            try:
                inputs.append(sandbox_input(sandbox, context.artifacts, file, context.workdir))
            except InputUnreadable as lost:
                told = (d.model_copy(update={"error": why_lost(file, lost)}) if d.file == file.name else d for d in state.descriptions)
                state = state.model_copy(update={"descriptions": tuple(told)})
    return state, inputs


def _may_loop(state: DsStarState, models: Models | None) -> bool:
    """Whether the next round is the model loop's: it goes on until it is settled, and begins only where nothing else has begun."""
    if state.loop is not None:
        return state.loop.stage != "settled"
    begun = state.work is not None or bool(state.answers) or bool(state.rounds)
    return models is not None and bool(state.files) and not begun


def _questioned(context: SliceContext, state: DsStarState) -> DsStarState:
    """The state with the parts of the question, once the files are described."""
    if state.sub_questions:
        return state
    found, refusal = questions_of(context.request.question, state.descriptions)
    return _flagged(state.model_copy(update={"sub_questions": found, "refusal": refusal}))


def _planned(context: SliceContext, state: DsStarState, question: SubQuestion) -> Reading | Refusal:
    """The operations for a sub-question. What the documents suggest leans on nothing before it, and no hint of the user is about it."""
    origin = {file.name: file.origin for file in state.files}
    usable = [d for d in state.descriptions if d.error is None]
    given = PlannerInput(
        question,
        data=tuple(d for d in usable if origin[d.file] == "data"),
        from_documents=tuple(d for d in usable if origin[d.file] == "document"),
    )
    if not is_suggested(question.id):
        given = replace(given, before=state.last_spec, hints=context.request.hints)
    return plan(given)


def _added(state: DsStarState, models: Models) -> Usage:
    """What the track consumed so far, with this slice's share."""
    before, now = state.usage, models.usage()
    return Usage(
        calls=before.calls + now.calls,
        input_tokens=before.input_tokens + now.input_tokens,
        output_tokens=before.output_tokens + now.output_tokens,
        cost_micro_usd=before.cost_micro_usd + now.cost_micro_usd,
    )


def _flagged(state: DsStarState) -> DsStarState:
    """The state with a flag and a word on each file whose names or cells speak to a model. They stay data (invariant 8)."""
    files = [d.file for d in state.descriptions if any(reads_like_instructions(text) for text in _texts(d))]
    if not files:
        return state
    said = tuple(f"{file} holds text that reads like an instruction; it was treated as data." for file in files)
    return state.model_copy(update={"flags": (*state.flags, INSTRUCTION_LIKE), "limitations": (*state.limitations, *said)})


def _texts(description: FileDescription) -> Iterator[str]:
    """All that a prompt may show of a file."""
    yield from (description.file, description.text or "", *description.warnings)
    for table in description.tables:
        yield from (table.name, *table.warnings, *table.assumptions)
        for column in table.columns:
            yield from (column.name, *column.samples, *column.values)


def _to_open_question(state: DsStarState, at: int) -> DsStarState:
    """The state at the first sub-question from ``at`` on that the model loop did not answer; past the last one where it did all."""
    settled = {a.question_id for a in state.answers} if state.loop is not None else set()
    while at < len(state.sub_questions) and state.sub_questions[at].id in settled:
        at += 1
    return state.model_copy(update={"next_question": at})


def _all_refused(state: DsStarState) -> DsStarState:
    """Every sub-question answered with the one reason that holds for all: the language, or that there are no data."""
    status: AnswerStatus = "not_understood" if state.refusal else "not_answered"
    note = f"Not answered: {state.refusal}" if state.refusal else "There are no data files, so nothing was calculated."
    done = {a.question_id for a in state.answers}
    answers = tuple(AnalysisAnswer(question_id=q.id, status=status, note=note) for q in state.sub_questions if q.id not in done)
    return state.model_copy(update={"answers": (*state.answers, *answers)})


def _refused(state: DsStarState, question: SubQuestion, refusal: Refusal) -> DsStarState:
    """The refusal as an answer; what the data lack for it is asked of research."""
    status: AnswerStatus = "not_understood" if refusal.kind in _NOT_UNDERSTOOD else "not_answered"
    answer = AnalysisAnswer(question_id=question.id, status=status, note=refusal.note, suggestions=refusal.suggestions)
    if is_suggested(question.id):
        answer = AnalysisAnswer(question_id=question.id, status="not_answered", note=f"These data do not test it: {refusal.reason}")
    entry = Round(number=len(state.rounds) + 1, question_id=question.id, verdict="refused", route="next_question", note=refusal.reason)
    state = requesting(state, question, refusal.lacks, because(refusal))
    return state.model_copy(update={"answers": (*state.answers, answer), "rounds": (*state.rounds, entry)})


def _answer(work: Work) -> AnalysisAnswer:
    """What all operations of a sub-question come to."""
    status: AnswerStatus = "answered" if work.finding_ids and not work.problems else "partial" if work.finding_ids else "not_answered"
    problems = f"Not answered: {'; '.join(work.problems)}." if work.problems else ""
    assumed = f"Assumed: {'; '.join(work.notes)}." if work.notes and work.finding_ids else ""
    return AnalysisAnswer(
        question_id=work.question_id,
        status=status,
        reading=work.reading,
        finding_ids=work.finding_ids,
        note=" ".join(part for part in (problems, assumed) if part),
    )


def _describe(work: Work, operation: str) -> str:
    return f"{operation.replace('_', ' ')} ({work.done + 1} of {len(work.specs)})"


def _plain(reading: Reading) -> str:
    return reading.text.removeprefix("I read this as ").split("; change it")[0]
