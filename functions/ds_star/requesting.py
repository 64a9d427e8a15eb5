"""Requests for evidence: what the data lack for a sub-question, asked of research where it does not look for just that already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from functions.ds_star.reader.read import lacks_for
from functions.ds_star.reader.reading import Reading, Refusal
from functions.ds_star.state import DsStarState
from functions.ds_star.suggested import is_suggested
from schemas.analysis import EvidenceRequest
from schemas.evidence import SubQuestion
from shared.knowledge.terms import index_terms
from shared.language.lexicon import load_lexicon
from shared.language.numbers import NumberSources, unsourced

FROM_A_MODEL = "evidence for what the data lack: "
"""How a request begins that a model has worded as a sentence about the data."""
MAX_NEEDED_CHARS = 160
"""More than the name of a thing to look for takes."""


def requesting(state: DsStarState, question: SubQuestion, lacks: Sequence[str], why: str) -> DsStarState:
    """The state with a request for each of ``lacks`` that is new; ``why`` says what the data hold instead.

    What a part of the question, or an earlier request, asks for in the same words is looked for anyway.
    """
    known = {_matter(text) for text in (*(q.text for q in state.sub_questions), *(r.text for r in state.evidence_requests))}
    requests = state.evidence_requests
    for text in lacks if not is_suggested(question.id) else ():
        if _matter(text) not in known:
            known.add(_matter(text))
            requests = (*requests, EvidenceRequest(id=f"e{len(requests) + 1}", text=text, because=why, question_id=question.id))
    return state.model_copy(update={"evidence_requests": requests})


def read_ahead(state: DsStarState, planned: Callable[[DsStarState, SubQuestion], Reading | Refusal]) -> DsStarState:
    """The state with all that the data lack, before anything is calculated: research, which is quicker, need not wait for the end."""
    if state.refusal:
        return state
    read = state
    for question in state.sub_questions:
        outcome = planned(read, question)
        if isinstance(outcome, Refusal):
            read = requesting(read, question, outcome.lacks, because(outcome))
        else:
            read = read.model_copy(update={"last_spec": outcome.specs[0]})
    return state.model_copy(update={"evidence_requests": read.evidence_requests, "read_ahead": True})


def because(refusal: Refusal) -> str:
    """What the data hold instead, without what else could be asked."""
    return refusal.reason.split("; ")[0]


def requesting_unmet(state: DsStarState, question: SubQuestion, said: str, needed: str = "") -> DsStarState:
    """The state with what the data lack for a sub-question that a model's analysis left open.

    By the question's own words; else the thing that the model ``needed``, since the data are as it ``said``; else what it said. Words
    with a number that neither the question nor a name holds would be a section with a model's figure: they are not asked (invariant 6).
    """
    lacks = lacks_for(question, [d for d in state.descriptions if d.error is None])
    if lacks:
        return requesting(state, question, lacks, "")
    sources = NumberSources.of(_stated(state))
    if needed and not unsourced(needed, sources):
        return requesting(state, question, (needed,), said)
    return requesting(state, question, (f"{FROM_A_MODEL}{said}",) if said and not unsourced(said, sources) else (), "")


def _stated(state: DsStarState) -> Iterator[str]:
    """The question's parts, and the names of files and columns."""
    yield from (question.text for question in state.sub_questions)
    for file in state.descriptions:
        yield from (file.file, *(column.name for table in file.tables for column in table.columns))


def _matter(text: str) -> frozenset[str]:
    """What is asked for: the words that carry meaning, whatever their order and form."""
    asking = load_lexicon("en").question_words
    return frozenset(term for term in index_terms(text, "en") if term not in asking)
