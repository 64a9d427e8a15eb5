"""Pages of the web as documents: fetched and stored in one slice, read in the sandbox and indexed in the next ones.

A page is stored before it is read, under the digest of its bytes, and the state names it: a slice that is run again reads the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from functions.deep_research.explore import take_in
from functions.deep_research.state import ResearchState, WebPage
from schemas.mission import MissionInput
from shared.counted import counted
from shared.errors import BadInput, NotFound, PageNotFetched
from shared.knowledge.indexing import document_id
from shared.knowledge.port import KnowledgeGraph
from shared.reading.extract import Unfinished, extract_within
from shared.sandbox import CodeSandbox
from shared.tracks import Note, SliceContext, SliceOutcome
from shared.web.pages import FetchedPage, PageFetcher

AT_ONCE = 4
_SUFFIXES = {"text/html": "", "application/xhtml+xml": ".html", "text/markdown": ".md", "text/plain": ".txt", "application/pdf": ".pdf"}


def fetch(pages: PageFetcher, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
    """Fetch the next pages, a few at a time, until the time for a checkpoint has come or all were tried."""
    known = list(state.pages)
    waiting = [at for at, page in enumerate(known) if page.waits_to_be_fetched]
    notes: list[Note] = []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="kimera-pages") as pool:
        while waiting:
            context.doing(f"fetching pages: {len(known) - len(waiting)} of {len(known)}")
            wave, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            for at, found in zip(wave, pool.map(lambda at: _fetched(pages, known[at].url), wave), strict=True):
                if isinstance(found, PageNotFetched):
                    known[at] = known[at].model_copy(update={"problem": found.message})
                    notes.append(Note("page.not_fetched", {"page": at, "code": found.code}))
                    continue
                known[at] = known[at].model_copy(update={"artifact_uri": _stored(context, found), "found_at": found.url})
                notes.append(Note("page.fetched", {"page": at, "bytes": len(found.data), "sha256": found.sha256}))
            if context.time_left() <= 0:
                break
    had = sum(page.artifact_uri is not None for page in known)
    following = state.model_copy(update={"pages": tuple(known), "phase": "fetch" if waiting else "read"})
    return SliceOutcome(following, progress=f"{had} of {counted(len(known), 'page')} fetched", notes=tuple(notes))


def _fetched(pages: PageFetcher, url: str) -> FetchedPage | PageNotFetched:
    try:
        return pages.fetch(url)
    except PageNotFetched as error:
        return error


def _stored(context: SliceContext, page: FetchedPage) -> str:
    key = f"missions/{context.mission_id}/web/{page.sha256}{_SUFFIXES.get(page.media_type, '')}"
    return context.keep(context.artifacts.put(key, page.data, media_type=page.media_type)).uri


def read(sandbox: CodeSandbox, graph: KnowledgeGraph, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
    """Read the next stored pages, at least a part of one, until the time for a checkpoint has come or all are read."""
    notes: list[Note] = []
    for at in [at for at, page in enumerate(state.pages) if page.waits_to_be_read]:
        page = state.pages[at]
        assert page.artifact_uri is not None
        name = page_name(page)
        item = MissionInput(uri=page.artifact_uri, kind="document", name=name + _suffix(page.artifact_uri))
        change: dict[str, str]
        try:
            context.doing(f"reading {name}")
            found = extract_within(
                sandbox, context.artifacts, item, context.workdir, time_left=context.time_left, origin="web", doing=context.doing
            )
            if isinstance(found, Unfinished):
                break
            state, note = take_in(graph, context, state, name, found, uri=page.found_at, origin="web")
            notes.append(note)
            change = {"document_id": document_id(found.sha256)}
        except (BadInput, NotFound) as error:  # one broken page does not stop the others
            change = {"problem": str(error)}
            notes.append(Note("document.unreadable", {"page": at, "code": error.code}))
        state = _changed(state, at, change)
        if context.time_left() <= 0:
            break
    done = not any(page.waits_to_be_read for page in state.pages)
    if done:
        state = state.model_copy(update={"phase": "batch" if state.sub_questions else "plan"})
    had = sum(page.document_id is not None for page in state.pages)
    return SliceOutcome(state, progress=f"{counted(had, 'page')} read", notes=tuple(notes))


def _changed(state: ResearchState, at: int, change: dict[str, str]) -> ResearchState:
    pages = list(state.pages)
    pages[at] = pages[at].model_copy(update=change)
    return state.model_copy(update={"pages": tuple(pages)})


def page_name(page: WebPage) -> str:
    """What a reader calls the page, and a document may be called: host and path, or the title of one behind a redirect."""
    parts = urlsplit(page.found_at or page.url)
    path = "/".join(part for part in parts.path.split("/") if part not in ("", ".", ".."))
    whole = f"{parts.hostname or 'page'}/{path}".rstrip("/")
    return "".join(c if c.isascii() and c.isprintable() else "_" for c in whole)[:200]


def _suffix(uri: str) -> str:
    """The stored file's suffix, by which Markdown is told from text."""
    last = uri.rpartition("/")[2]
    return last[last.rindex(".") :] if "." in last else ""
