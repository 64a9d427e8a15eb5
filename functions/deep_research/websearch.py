"""Searching the web in a slice: the next queries are put, and the pages that are found wait to be fetched.

Queries are the sub-questions' own words; with models also what the planner and the readers came up with. Each is put once.
"""

from __future__ import annotations

from functions.deep_research.frontier import is_open
from functions.deep_research.quotes import with_context
from functions.deep_research.state import ResearchState, WebPage
from shared.counted import counted
from shared.errors import NoModelAnswer
from shared.models.flags import BUDGET_EXHAUSTED, DAY_BUDGET_EXHAUSTED, MODEL_UNAVAILABLE, OUT_OF_TIME, flags_of
from shared.tracks import Note, SliceContext, SliceOutcome
from shared.web.search import WebSearch

QUERIES_AT_ONCE = 4
"""Searches of one slice."""
MAX_QUERIES = 16
MAX_PAGES = 24
"""Searches, and pages found by them, of one mission."""
PAGES_PER_QUERY = 4
WEB_SEARCH_FAILED = "web_search_failed"
_WHY_NOT = (BUDGET_EXHAUSTED, DAY_BUDGET_EXHAUSTED, MODEL_UNAVAILABLE, OUT_OF_TIME)


def pending(state: ResearchState) -> tuple[str, ...]:
    """The queries that are still to be put, as many as one slice puts."""
    found = sum(not page.reported for page in state.pages)
    if state.search_over or found >= MAX_PAGES or state.frontier:
        return ()
    if state.studies:
        queries = [query for study in state.studies if is_open(study, state.claims) for query in study.queries]
    else:
        open_ones = [at for at, question in enumerate(state.sub_questions) if not state.answers_something(question.id)]
        queries = [with_context(state.sub_questions, at) for at in open_ones]
    new = [query for query in dict.fromkeys(queries) if query not in state.searched]
    return tuple(new[: min(QUERIES_AT_ONCE, MAX_QUERIES - len(state.searched))])


def search(web: WebSearch, context: SliceContext, state: ResearchState, queries: tuple[str, ...]) -> SliceOutcome[ResearchState]:
    """Put these queries. Where a search is refused, the track goes on with what it has, and says so."""
    pages = {page.url: page for page in state.pages}
    room = MAX_PAGES - sum(not page.reported for page in state.pages)
    searched = list(state.searched)
    notes: list[Note] = []
    flags: tuple[str, ...] = ()
    over = False
    for query in queries:
        try:
            hits = web.search(query, PAGES_PER_QUERY)
        except NoModelAnswer as error:
            notes.append(Note("web.not_searched", {"code": error.code, "why": error.message[:300]}))
            flags = (*(flag for flag in flags_of(error) if flag in _WHY_NOT), WEB_SEARCH_FAILED)
            over = True
            break
        searched.append(query)
        new = [hit for hit in hits if hit.url not in pages][: max(room, 0)]
        room -= len(new)
        pages |= {hit.url: WebPage(url=hit.url, title=hit.title) for hit in new}
        notes.append(Note("web.searched", {"hits": len(hits), "new": len(new)}))
    found = len(pages) - len(state.pages)
    following = state.model_copy(
        update={
            "pages": tuple(pages.values()),
            "searched": tuple(searched),
            "search_over": over,
            "phase": "fetch" if found else "batch",
        }
    )
    progress = f"{counted(len(searched), 'web search', 'web searches')}, {counted(len(pages), 'page')} found"
    return SliceOutcome(following, progress=progress, notes=tuple(notes), flags=flags)
