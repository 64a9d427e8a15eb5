"""Plan, Batch, Audit and Synthesize with models: one slice each, with one wave of calls at the most.

The state is the frontier: queries and what was read for each sub-question, passages still to be read, claims still to be judged. All that
a prompt holds comes from it and from stored texts, so a slice that is run again asks the same. Where no model answers, what
code would have quoted stands in: want of an answer never leaves less than the extractive tier gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from functions.deep_research.audit import keep_quotes, keep_texts
from functions.deep_research.claims import Listed, is_same, with_quotes_of, without_doubles
from functions.deep_research.frontier import MAX_LEADS, MAX_QUERIES, is_covered, is_open, next_reading, orthogonal
from functions.deep_research.roles.auditor import AUDITOR, AuditorInput, Judged, ask_auditors, at_once
from functions.deep_research.roles.planner import PLANNER, PlannerInput, ask_planner, own_words
from functions.deep_research.roles.reader import READER, Read, ReaderInput, ask_readers
from functions.deep_research.roles.synthesizer import MAX_CLAIMS, SYNTHESIZER, SynthesizerInput, ask_synthesizers
from functions.deep_research.searching import Library, candidates_for
from functions.deep_research.state import ModelClaim, Reading, ResearchState, Study
from functions.deep_research.stored_texts import StoredTexts
from schemas.evidence import PromptUse, Usage
from shared.counted import counted
from shared.documents import Json
from shared.errors import NoModelAnswer
from shared.knowledge.port import KnowledgeGraph
from shared.language.detect import detect_language
from shared.models.asking import Models
from shared.models.flags import flags_of
from shared.models.prompts import Prompt
from shared.tracks import Note, SliceContext, SliceOutcome

CALLS_AT_ONCE = 4
"""Calls of one slice: one wave, so that a slice takes as long as its slowest call."""


class Studying:
    """The models' research in one slice."""

    def __init__(self, graph: KnowledgeGraph, context: SliceContext, models: Models) -> None:
        self._graph = graph
        self._context = context
        self._models = models
        self._language = detect_language(context.request.question)
        self._flags: dict[str, None] = {}
        self._notes: list[Note] = []

    def plan(self, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Queries for each sub-question. Without a planner: the questions' own words."""
        given = PlannerInput(self._context.request.question, state.sub_questions, state.read, state.space_documents)
        try:
            studies = ask_planner(self._models, given)
        except NoModelAnswer as error:
            self._without("planner", error)
            studies = own_words(state.sub_questions)
        queries = [len(study.queries) for study in studies]
        self._note("research.planned", {"sub_questions": len(studies), "space_documents": state.space_documents})
        plan = "\n".join(f"{s.question_id}\n" + "".join(f"  {q}\n" for q in s.queries) + f"  -> {s.answer_if}\n" for s in studies)
        stored = self._context.put_artifact("research-plan.txt", plan.encode(), media_type="text/plain; charset=utf-8")
        self._note("research.queries", {"queries": list[Json](queries), "plan": stored.uri})
        return self._outcome(
            state,
            PLANNER.prompt,
            f"{counted(sum(queries), 'search query', 'search queries')} for {counted(len(studies), 'sub-question')}",
            studies=studies,
            phase="batch",
        )

    def batch(self, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Choose passages where none are waiting, then have the next ones read."""
        if not state.frontier:
            state = self._chosen(state)
            if not state.frontier or self._context.time_left() <= 0:
                progress = f"{counted(sum(len(r.passages) for r in state.frontier), 'passage')} found"
                return self._outcome(state, None, progress, phase="batch" if state.frontier else "audit")
        wave, waiting = state.frontier[:CALLS_AT_ONCE], state.frontier[CALLS_AT_ONCE:]
        texts = StoredTexts(self._context.artifacts, state.read)
        given = self._listed(state, texts, wave)
        answers = ask_readers(self._models, given, self._language)
        claims, dropped = list(state.claims), Counter(state.dropped_claims)
        studies = {study.question_id: study for study in state.studies}
        for reading, answer in zip(wave, answers, strict=True):
            study = studies[reading.question_id]
            detail: dict[str, Json] = {"sub_question": reading.question_id, "passages": [p.id for p in reading.passages]}
            if isinstance(answer, NoModelAnswer):
                self._without("reader", answer, sub_question=reading.question_id)
                studies[reading.question_id] = study.model_copy(update={"without_model": True})
                continue
            claims += answer.found.claims
            dropped.update(answer.found.dropped)
            studies[reading.question_id] = _after(study, reading, answer)
            gone: dict[str, Json] = dict(sorted(answer.found.dropped.items()))
            self._note("passages.read", {**detail, "claims": len(answer.found.claims), "dropped": gone})
        quoted = {quote.document_id for claim in claims for quote in claim.quotes}
        read = sum(len(reading.passages) for reading in wave)
        return self._outcome(
            state,
            READER.prompt,
            f"{counted(read, 'passage')} read; {counted(len(claims) - len(state.claims), 'claim')} found",
            read=keep_texts(self._context, texts, state.read, quoted),
            frontier=waiting,
            claims=without_doubles(claims),
            dropped_claims=dict(sorted(dropped.items())),
            studies=tuple(studies.values()),
            phase="batch" if waiting else "audit",
        )

    def _chosen(self, state: ResearchState) -> ResearchState:
        """The state with the next passages of every open sub-question waiting to be read."""
        library = Library(self._graph, self._context, state.read)
        frontier: list[Reading] = []
        studies: list[Study] = []
        for study in state.studies:
            reading = next_reading(library, study, wide=state.round > 0) if is_open(study, state.claims) else None
            if reading is not None and reading.passages:
                frontier.append(reading)
            # The first round looks for words as they are: that it finds nothing says little before they may go on.
            exhausted = study.exhausted or (reading is not None and not reading.passages and state.round > 0)
            studies.append(study.model_copy(update={"exhausted": exhausted}))
        found = sum(len(reading.passages) for reading in frontier)
        self._note("passages.retrieved", {"round": state.round + 1, "sub_questions": len(frontier), "passages": found})
        return state.model_copy(update={"frontier": tuple(frontier), "studies": tuple(studies), "read": library.read})

    def _listed(self, state: ResearchState, texts: StoredTexts, wave: Sequence[Reading]) -> list[ReaderInput]:
        """The readings with their texts, which are read from the store and checked."""
        titles = _titles(state)
        questions = {question.id: question for question in state.sub_questions}
        studies = {study.question_id: study for study in state.studies}
        given: list[ReaderInput] = []
        for reading in wave:
            study = studies[reading.question_id]
            stored = [(p, texts.text(p.document_id)) for p in reading.passages]
            known = tuple(claim.text for claim in _holding(state, study.question_id))
            given.append(
                ReaderInput(
                    question_id=study.question_id,
                    question=_in_context(study, questions[study.question_id].text),
                    answer_if=study.answer_if,
                    passages=tuple(Listed(p, text[p.start : p.end]) for p, text in stored if text is not None),
                    titles=titles,
                    known=known,
                )
            )
        return given

    def audit(self, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Have the next claims judged; when none is left, the round is over."""
        wave: list[list[int]] = []
        for question in state.sub_questions:
            waiting = [i for i, c in enumerate(state.claims) if c.question_id == question.id and not c.judged]
            if waiting and len(wave) < CALLS_AT_ONCE:
                wave.append(waiting[: at_once([state.claims[i] for i in waiting])])
        titles = _titles(state)
        given = [
            AuditorInput(tuple(state.claims[i] for i in places), _holding(state, state.claims[places[0]].question_id), titles)
            for places in wave
        ]
        claims = list(state.claims)
        studies = {study.question_id: study for study in state.studies}
        doubles: set[int] = set()
        for places, one, answer in zip(wave, given, ask_auditors(self._models, given) if given else [], strict=True):
            question_id = claims[places[0]].question_id
            if isinstance(answer, NoModelAnswer):
                self._without("auditor", answer, sub_question=question_id)
                studies[question_id] = studies[question_id].model_copy(update={"without_model": True})
                for place in places:
                    claims[place] = claims[place].model_copy(update={"judged": True})
                continue
            said = Counter(judged.support for judged in answer)
            doubles |= _judge(claims, places, one, answer)
            self._note("claims.judged", {"sub_question": question_id, **{word: said[word] for word in sorted(said)}})
        left = without_doubles([claim for place, claim in enumerate(claims) if place not in doubles])
        state = state.model_copy(update={"claims": left, "studies": tuple(studies.values())})
        if all(claim.judged for claim in left):
            state = self._round_over(state)
        holding = sum(claim.holds for claim in state.claims)
        return self._outcome(
            state, AUDITOR.prompt if wave else None, f"{counted(holding, 'claim holds', 'claims hold')} after round {max(1, state.round)}"
        )

    def _round_over(self, state: ResearchState) -> ResearchState:
        """The state with this round counted: on to another one, or to the end."""
        rounds = state.round + 1
        before = {study.question_id: study.holding for study in state.studies}
        studies: list[Study] = []
        for study in state.studies:
            holding = sum(claim.holds for claim in state.claims if claim.question_id == study.question_id)
            idle = 0 if holding > before[study.question_id] else study.idle + 1
            studies.append(study.model_copy(update={"idle": idle, "holding": holding}))
        going_on = [study for study in studies if is_open(study, state.claims)]
        over = not going_on or rounds >= self._context.request.tracks.deep_research.max_rounds
        covered = sum(is_covered(study, state.claims) for study in studies)
        self._note(
            "round.audited", {"round": rounds, "covered": covered, "open": len(going_on), "claims": sum(c.holds for c in state.claims)}
        )
        state = state.model_copy(update={"round": rounds, "studies": tuple(studies), "phase": "synthesize" if over else "batch"})
        return self._with_quotes(state) if over else state

    def _with_quotes(self, state: ResearchState) -> ResearchState:
        """The state with what code would have quoted, for each sub-question that a model failed, or whose claims all failed.

        Where a reader looked and found no claim at all, nothing is quoted against it.
        """
        library = Library(self._graph, self._context, state.read)
        failed = {study.question_id for study in state.studies if study.without_model} | {claim.question_id for claim in state.claims}
        found = []
        for at, question in enumerate(state.sub_questions):
            if question.id in failed and not state.answers_something(question.id):
                found += candidates_for(library, state, at, wide=False) or candidates_for(library, state, at, wide=True)
        if not found:
            return state
        state = keep_quotes(self._context, state.model_copy(update={"candidates": tuple(found), "read": library.read}))
        self._note("quotes.audited", {"round": state.round, "checked": len(found), "kept": len(state.quotes), "new": len(state.quotes)})
        return state

    def conclude(self, state: ResearchState) -> SliceOutcome[ResearchState]:
        """The next sub-questions with claims that hold: what these come to. The track ends when none is left."""
        wave: list[SynthesizerInput] = []
        titles = _titles(state)
        for study, question in zip(state.studies, state.sub_questions, strict=True):
            holding = [(i, c) for i, c in enumerate(state.claims) if c.question_id == study.question_id and c.holds]
            if holding and study.question_id not in state.concluded and len(wave) < CALLS_AT_ONCE:
                text = _in_context(study, question.text)
                wave.append(SynthesizerInput(study.question_id, text, study.answer_if, tuple(holding[:MAX_CLAIMS]), titles))
        claims = list(state.claims)
        conclusions, dropped = list(state.conclusions), Counter(state.dropped_claims)
        for one, answer in zip(wave, ask_synthesizers(self._models, wave, self._language) if wave else [], strict=True):
            if isinstance(answer, NoModelAnswer):
                self._without("synthesizer", answer, sub_question=one.question_id)
                continue
            for place, claim in answer.claims.items():
                claims[place] = claim
            conclusions.append(answer.conclusion)
            dropped["remark"] += answer.dropped
            status, tests = answer.conclusion.status, len(answer.conclusion.hypotheses)
            self._note("question.concluded", {"sub_question": one.question_id, "status": status, "hypotheses": tests})
        return self._outcome(
            state,
            SYNTHESIZER.prompt if wave else None,
            f"{counted(len(conclusions), 'sub-question')} concluded",
            claims=tuple(claims),
            conclusions=tuple(conclusions),
            concluded=(*state.concluded, *(one.question_id for one in wave)),
            dropped_claims={reason: count for reason, count in sorted(dropped.items()) if count},
        )

    def _without(self, role: str, error: NoModelAnswer, **detail: Json) -> None:
        """Say that a role goes on without a model."""
        self._flags |= dict.fromkeys(flags_of(error))
        self._note("role.without_model", {"role": role, "code": error.code, **detail})

    def _note(self, kind: str, detail: dict[str, Json]) -> None:
        self._notes.append(Note(kind, detail))

    def _outcome(self, state: ResearchState, prompt: Prompt | None, progress: str, **change: object) -> SliceOutcome[ResearchState]:
        """The slice's outcome, with what it consumed and asked with in the state."""
        used = self._models.usage()
        total = Usage(**{name: getattr(state.usage, name) + getattr(used, name) for name in Usage.model_fields})
        asked = () if prompt is None else (PromptUse(id=prompt.front.id, version=prompt.front.version, sha256=prompt.sha256),)
        prompts = tuple(dict.fromkeys((*state.prompts, *asked)))
        about = {"usage": total, "prompts": prompts, "tier": self._models.tier.value}
        return SliceOutcome(
            state.model_copy(update={**change, **about}), progress=progress, notes=tuple(self._notes), flags=tuple(self._flags)
        )


def is_concluded(state: ResearchState) -> bool:
    """Whether no sub-question is left that a synthesizer could be asked about."""
    return all(study.question_id in state.concluded or not _holding(state, study.question_id) for study in state.studies)


def _after(study: Study, reading: Reading, answer: Read) -> Study:
    """The study with these passages read, and what the reader said of them."""
    order = ("no", "partly", "fully")
    return study.model_copy(
        update={
            "read": (*study.read, *(passage.id for passage in reading.passages)),
            "answered": max(study.answered, answer.answered, key=order.index),
            "queries": orthogonal(study.queries, answer.leads, at_most=MAX_QUERIES + MAX_LEADS),
        }
    )


def _judge(claims: list[ModelClaim], places: Sequence[int], given: AuditorInput, answer: Sequence[Judged]) -> set[int]:
    """Write the verdicts into ``claims``; the places of those that only repeat another one, whose quotes went over to it."""
    known = [next(i for i, c in enumerate(claims) if c is own) for own in given.known]
    doubles: set[int] = set()
    for place, judged in zip(places, answer, strict=True):
        claims[place] = claims[place].model_copy(update={"support": judged.support, "judged": True})
        if judged.same_as is None or not claims[place].holds:
            continue
        other = [*known, *places][judged.same_as]
        if claims[other].holds and other not in doubles and is_same(claims[other], claims[place], told=True):
            claims[other] = with_quotes_of(claims[other], claims[place])
            doubles.add(place)
    return doubles


def _holding(state: ResearchState, question_id: str) -> tuple[ModelClaim, ...]:
    return tuple(c for c in state.claims if c.question_id == question_id and c.holds)


def _titles(state: ResearchState) -> dict[str, str]:
    return {document.document_id: document.title for document in state.read}


def _in_context(study: Study, question: str) -> str:
    """The sub-question; where it leans on the one before, its first query holds both."""
    return study.queries[0] if question in study.queries[0] else question
