"""The remote research agent as slices: begin its job, look at it until it ends, take its report in as text that is not verified yet.

The job works on its own, for an hour at the most; each look is one short slice. What the report cites is then fetched and looked up
(``pages.py``, ``requoting.py``), and the track goes on over these pages as over any documents.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from functions.deep_research.explore import store_text
from functions.deep_research.state import ReadDocument, RemoteJob, ResearchState, WebPage
from schemas.evidence import PromptUse, SubQuestion
from schemas.steps import HARD_DEADLINE
from shared.counted import counted
from shared.errors import NoModelAnswer
from shared.models.failures import RequestFailed
from shared.models.flags import BUDGET_EXHAUSTED, DAY_BUDGET_EXHAUSTED, MODEL_UNAVAILABLE, flags_of
from shared.models.prompts import Prompt
from shared.times import MAX_RETRY_AFTER_S
from shared.tracks import Note, SliceContext, SliceOutcome
from shared.web.agent import JobGone, JobReport, JobStatus

AGENT = Prompt(Path(__file__).parent / "roles" / "prompts" / "agent.md.j2")
WAITING = "the Gemini Deep Research agent"
MAX_JOB_S = 75 * 60
"""A job takes up to an hour; one that goes on a quarter of an hour beyond that is taken for stuck."""
MAX_UNSEEN = 8
"""Looks in a row, about two minutes, that a job may be unknown to its provider before it is given up."""
MAX_TRIES = 3
MAX_CITED_PAGES = 40
REMOTE_FAILED = "remote_research_failed"
REMOTE_PARTIAL = "remote_research_partial"
_EXTRACTOR = "gemini-deep-research"


def begin(context: SliceContext, state: ResearchState, questions: tuple[SubQuestion, ...]) -> SliceOutcome[ResearchState]:
    """Begin the job. Without one (no money, no key, a refusal) the track goes on alone, and says so."""
    before = state.remote or RemoteJob()
    prompt = AGENT.render({"question": context.request.question, "parts": [{"id": q.id, "text": q.text} for q in questions]})
    if context.jobs is None:
        return _not_begun(state, before, "it is not available here", (MODEL_UNAVAILABLE,))
    try:
        job = context.jobs.begin(prompt)
    except NoModelAnswer as error:
        if error.retry_after_s is not None and before.tries + 1 < MAX_TRIES:
            waiting = before.model_copy(update={"tries": before.tries + 1})
            wait = min(error.retry_after_s, MAX_RETRY_AFTER_S)
            return SliceOutcome(state.model_copy(update={"remote": waiting}), wait_s=wait, waiting_for=f"{WAITING}: {error.message[:200]}")
        flags = tuple(flag for flag in flags_of(error) if flag in (BUDGET_EXHAUSTED, DAY_BUDGET_EXHAUSTED, MODEL_UNAVAILABLE))
        return _not_begun(state, before, str(error), flags)
    begun = RemoteJob(row=job.row, name=job.name, begun_at=context.clock.now(), tries=before.tries)
    asked = PromptUse(id=AGENT.front.id, version=AGENT.front.version, sha256=AGENT.sha256)
    following = state.model_copy(update={"remote": begun, "prompts": tuple(dict.fromkeys((*state.prompts, asked)))})
    note = Note("remote.begun", {"row": job.row})
    return SliceOutcome(following, progress=f"{WAITING} has begun", notes=(note,))


def _not_begun(state: ResearchState, before: RemoteJob, why: str, flags: tuple[str, ...]) -> SliceOutcome[ResearchState]:
    remote = before.model_copy(update={"problem": why})
    note = Note("remote.not_begun", {"why": why[:300]})
    progress = f"{WAITING} could not begin: {why}"
    return SliceOutcome(state.model_copy(update={"remote": remote}), progress=progress, notes=(note,), flags=(*flags, REMOTE_FAILED))


def look(context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
    """Look at the job once: wait on, or take in what it came to."""
    remote = state.remote
    assert remote is not None and remote.begun_at is not None
    if context.jobs is None:
        return _ended(context, state, JobReport(status=JobStatus.FAILED, error="it is not available here any more"))
    age = (context.clock.now() - remote.begun_at).total_seconds()
    waits = f"{WAITING}, for {age / 60:.0f} min"
    try:
        report = context.jobs.look(remote.row)
        remote = remote.model_copy(update={"unseen": 0})
    except JobGone:
        remote = remote.model_copy(update={"unseen": remote.unseen + 1})
        unknown = remote.unseen >= MAX_UNSEEN
        report = context.jobs.give_up(remote.row, "the provider does not know the job any more") if unknown else None
    except RequestFailed as failed:
        report, waits = None, f"{waits} ({failed.message[:160]})"
    if report is None and age > MAX_JOB_S:
        report = context.jobs.give_up(remote.row, "it went on past its time")
    state = state.model_copy(update={"remote": remote})
    if report is None:
        return SliceOutcome(state, wait_s=MAX_RETRY_AFTER_S, waiting_for=waits)
    return _ended(context, state, report)


def give_up(context: SliceContext, state: ResearchState, reason: str) -> None:
    """Stop the job of a track that is closed, unless it is only detached: then it works on until the late deadline."""
    deadlines = context.request.deadlines
    detached = reason == HARD_DEADLINE and deadlines.late_s > deadlines.hard_s
    if state.remote is not None and state.remote.works and context.jobs is not None and not detached:
        context.jobs.give_up(state.remote.row, reason)


def _ended(context: SliceContext, state: ResearchState, report: JobReport) -> SliceOutcome[ResearchState]:
    """The state with the report's text stored, and the pages it cites waiting to be fetched."""
    assert state.remote is not None
    whole = report.status is JobStatus.COMPLETED and bool(report.text.strip())
    problem = "" if whole else f"its job ended as {report.status}" + (f": {report.error}" if report.error else "")
    remote = state.remote.model_copy(update={"status": report.status, "problem": problem})
    note = Note("remote.ended", {"status": report.status, "characters": len(report.text), "citations": len(report.citations)})
    state = state.model_copy(update={"remote": remote})
    if not report.text.strip():
        return SliceOutcome(state, progress=f"{WAITING} brought no report: {problem}", notes=(note,), flags=(REMOTE_FAILED,))
    known = {page.url for page in state.pages}
    titles = {c.url: c.title for c in reversed(report.citations)}
    cited = [url for url in dict.fromkeys(c.url for c in report.citations) if url not in known][:MAX_CITED_PAGES]
    pages = tuple(WebPage(url=url, title=titles[url], reported=True) for url in cited)
    following = state.model_copy(
        update={
            "citations": report.citations,
            "read": (*state.read, _as_document(context, report.text, remote.name)),
            "pages": (*state.pages, *pages),
            "phase": "fetch",
        }
    )
    flags = () if whole else (REMOTE_PARTIAL,)
    return SliceOutcome(following, progress=f"{WAITING} reported, citing {counted(len(cited), 'page')}", notes=(note,), flags=flags)


def _as_document(context: SliceContext, text: str, name: str) -> ReadDocument:
    """The report as a source that its unverified statements are quoted from."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return ReadDocument(
        document_id=f"report:{digest[:24]}",
        origin="provider",
        kind="provider_report",
        name="report of the Gemini Deep Research agent",
        uri=f"interactions/{name}",
        title="Report of the Gemini Deep Research agent",
        sha256=digest,
        media_type="text/markdown",
        text_uri=store_text(context.artifacts, context.mission_id, text),
        text_sha256=digest,
        extractor=_EXTRACTOR,
        extractor_version="1",
    )
