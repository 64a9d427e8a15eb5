"""What a remote agent reported, looked up in the pages that it cites (invariant 5).

A statement whose words stand in a cited page becomes that page's quote. So does a passage that the report sets in quotation marks. Any
other statement stays the provider's word: quoted from its report, unchecked, and out of every summary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from functions.deep_research.audit import assertion_of_quote
from functions.deep_research.instructions import INSTRUCTION_LIKE, reads_like_instructions
from functions.deep_research.locate import Searched, whole_sentences
from functions.deep_research.state import Candidate, CheckedQuote, Reported, ResearchState
from functions.deep_research.stored_texts import StoredTexts
from schemas.evidence import SubQuestion
from shared.knowledge.terms import index_terms, query_terms
from shared.reading.sentences import sentences
from shared.tracks import Note, SliceContext

MAX_STATEMENTS = 60
MAX_STATEMENT_CHARS = 1_500
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»\n]{20,600})[\"”“»]")
_MARKUP = re.compile(r"\[cite:[^\]]*\]|\[\d+(?:,\s*\d+)*\]|\[([^\]]*)\]\([^)]*\)|[*_`#>|]+|^\s*[-+]\s+")
_ENOUGH_WORDS = 4


def requote(context: SliceContext, state: ResearchState, questions: Sequence[SubQuestion]) -> tuple[ResearchState, tuple[Note, ...]]:
    """The state with each cited statement of the report looked up; as it is where there is no report, or it was done before."""
    report = next((document for document in state.read if document.origin == "provider"), None)
    if report is None or not state.citations:
        return state, ()
    texts = StoredTexts(context.artifacts, state.read)
    text = texts.text(report.document_id) or ""
    cited = _Pages(texts)
    documents = {page.url: page.document_id for page in state.pages if page.document_id is not None}
    quotes: dict[tuple[str, int, int], CheckedQuote] = {}
    reported: list[Reported] = []
    for start, end, urls in _cited_sentences(state, text):
        stands = text[start:end]
        plain = _plain(stands)
        if reads_like_instructions(plain) or sum(c.isalnum() for c in plain) < 2 * _ENOUGH_WORDS:
            continue
        question = _nearest(questions, plain)
        found = _found(plain, [documents[url] for url in urls if url in documents], cited, question)
        for quote in found:
            quotes.setdefault((quote.candidate.document_id, quote.candidate.start, quote.candidate.end), quote)
        if not found:
            own = _candidate(question, report.document_id, text, (start, end))
            reported.append(Reported(text=plain[:MAX_STATEMENT_CHARS], quote=own))
    note = Note("remote.requoted", {"found": len(quotes), "not_verified": len(reported), "pages": len(documents)})
    following = state.model_copy(update={"requoted": tuple(quotes.values()), "reported": tuple(reported), "citations": ()})
    return following, (note,)


def _cited_sentences(state: ResearchState, text: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """The report's sentences that carry a citation, each with the pages it names, in order."""
    cited: list[tuple[int, int, tuple[str, ...]]] = []
    for start, end in sentences(text):
        urls = dict.fromkeys(c.url for c in state.citations if c.start < end and start < max(c.end, c.start + 1))
        if urls and end - start <= MAX_STATEMENT_CHARS:
            cited.append((start, end, tuple(urls)))
    return cited[:MAX_STATEMENTS]


class _Pages:
    """The cited pages, each prepared once."""

    def __init__(self, texts: StoredTexts) -> None:
        self._texts = texts
        self._known: dict[str, _Page | None] = {}

    def page(self, document: str) -> _Page | None:
        """The page; ``None`` where its text is gone."""
        if document not in self._known:
            text = self._texts.text(document)
            self._known[document] = _Page(text, Searched(text), sentences(text)) if text is not None else None
        return self._known[document]


@dataclass(frozen=True, slots=True)
class _Page:
    text: str
    searched: Searched
    sentences: tuple[tuple[int, int], ...]


def _found(plain: str, documents: Sequence[str], pages: _Pages, question: SubQuestion) -> list[CheckedQuote]:
    """The statement where it stands in a cited page; else the passages that it quotes from one."""
    found: list[CheckedQuote] = []
    for wanted in (plain, *_QUOTED.findall(plain)):
        for document in documents:
            page = pages.page(document)
            if page is None or len(wanted.split()) < _ENOUGH_WORDS:
                continue
            span = page.searched.locate(wanted)
            whole = whole_sentences(span, page.sentences) if span is not None else None
            if whole is not None and whole[1] - whole[0] <= 2 * MAX_STATEMENT_CHARS:
                candidate = _candidate(question, document, page.text, whole)
                found.append(CheckedQuote(candidate=candidate, assertion=assertion_of_quote(candidate)))
                break
        if found and wanted is plain:
            break
    return found


def _candidate(question: SubQuestion, document: str, text: str, span: tuple[int, int]) -> Candidate:
    quote = text[span[0] : span[1]]
    flags = (INSTRUCTION_LIKE,) if reads_like_instructions(quote) else ()
    coverage = _coverage(question, quote)
    return Candidate(
        question_id=question.id,
        document_id=document,
        start=span[0],
        end=span[1],
        quote=quote,
        score=coverage,
        coverage=coverage,
        flags=flags,
    )


def _nearest(questions: Sequence[SubQuestion], plain: str) -> SubQuestion:
    """The sub-question that shares most of its words with the statement; the first of equals."""
    return max(questions, key=lambda question: _coverage(question, plain))


def _coverage(question: SubQuestion, text: str) -> float:
    """The share of a question's terms that a text holds."""
    terms = query_terms(question.text)
    words = frozenset(index_terms(text, "en"))
    return round(sum(any(stem in words for stem in term.alternatives) for term in terms) / len(terms), 6) if terms else 0.0


def _plain(text: str) -> str:
    """A sentence of the report without its marks."""
    return " ".join(_MARKUP.sub(lambda match: match.group(1) or " ", text).split())
