"""The Gemini Deep Research agent, through google-genai's Interactions API.

The SDK's own retries are off: a second ``create`` would begin a second job. One look is one request. It is imported when it is first
needed (about a second), and nowhere else but here.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from shared.models.calls import CallUsage
from shared.models.failures import Failure, RequestFailed
from shared.web.agent import JobGone, JobReport, JobState, JobStatus, ReportCitation

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.interactions import Interaction

    from shared.models.credentials import ModelEndpoints

TIMEOUT_S = 30.0
MAX_TEXT_CHARS = 200_000
MAX_CITATIONS = 400
_NO_KEY = "Set GEMINI_API_KEY, or use --research builtin."


class GeminiResearchAgent:
    """A ``ResearchAgent``."""

    def __init__(self, endpoints: ModelEndpoints, *, timeout_s: float = TIMEOUT_S) -> None:
        self._endpoints = endpoints
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._made: Client | None = None

    def start(self, agent: str, instructions: str, question: str) -> str:
        """See ``ResearchAgent.start``."""
        interactions = self._client().interactions
        try:
            made = interactions.create(
                agent=agent,
                input=f"{instructions}\n\n{question}",
                background=True,
                store=True,
                agent_config={
                    "type": "deep-research",
                    "thinking_summaries": "none",
                    "visualization": "off",
                    "collaborative_planning": False,
                },
            )
        except Exception as error:  # whatever the SDK raises, its request has failed
            raise _failed(agent, error) from error
        name = getattr(made, "id", None)
        if not name:
            raise RequestFailed(Failure.LOST, f"{agent} was begun, but its job has no name.")
        return str(name)

    def state(self, job: str) -> JobState:
        """See ``ResearchAgent.state``."""
        interactions = self._client().interactions
        try:
            found = interactions.get(id=job, stream=False)
        except Exception as error:  # whatever the SDK raises, its request has failed
            raise _failed(job, error, of_job=job) from error
        return _state(found)

    def cancel(self, job: str) -> JobState:
        """See ``ResearchAgent.cancel``."""
        interactions = self._client().interactions
        try:
            found = interactions.cancel(id=job)
        except Exception as error:  # whatever the SDK raises, its request has failed
            raise _failed(job, error, of_job=job) from error
        return _state(found)

    def close(self) -> None:
        """End its connections."""
        with self._lock:
            if self._made is not None:
                self._made.close()
            self._made = None

    def _client(self) -> Client:
        at = self._endpoints
        if at.google_api_key is None:
            raise RequestFailed(Failure.REFUSED, "There is no key for the Gemini Deep Research agent.", remedy=_NO_KEY)
        if (wrong := at.wrong_key("google")) is not None:
            raise RequestFailed(Failure.KEY_REFUSED, wrong)
        with self._lock:
            if self._made is None:
                from google.genai import Client
                from google.genai.types import HttpOptions

                options = HttpOptions(base_url=at.google_base_url, timeout=int(self._timeout_s * 1000))
                self._made = Client(api_key=at.google_api_key.get_secret_value(), vertexai=False, http_options=options)
                # HttpRetryOptions cannot say "never": its 0 is read as 1, and one attempt as one retry (2.34).
                self._made.interactions.sdk_configuration.retry_config = None
            return self._made


def _state(found: Interaction) -> JobState:
    """What an interaction says, without what is not ours to know."""
    try:
        status = JobStatus(str(found.status))
    except ValueError:  # a status that this version does not know: it is looked at again, until its time is over
        status = JobStatus.IN_PROGRESS
    text, citations = _text(found)
    error = "; ".join(" ".join(str(e.message or e.code or "").split()) for e in found.errors or ())[:300]
    return JobState(JobReport(status=status, text=text, citations=citations, error=error), _usage(found))


def _text(found: Interaction) -> tuple[str, tuple[ReportCitation, ...]]:
    """The report's text, and its citations by code points: the API counts bytes of each block."""
    from google.genai.interactions import ModelOutputStep, TextContent, URLCitation

    text = ""
    citations: list[ReportCitation] = []
    for step in found.steps or ():
        for content in (step.content or ()) if isinstance(step, ModelOutputStep) else ():
            if not isinstance(content, TextContent) or len(text) + len(content.text) > MAX_TEXT_CHARS:
                continue
            data, before = content.text.encode(), len(text)
            for note in content.annotations or ():
                if isinstance(note, URLCitation) and note.url and len(citations) < MAX_CITATIONS:
                    start, end = (len(data[: max(at or 0, 0)].decode(errors="ignore")) for at in (note.start_index, note.end_index))
                    whole = before + min(start, end), before + max(start, end)
                    citations.append(ReportCitation(start=whole[0], end=whole[1], url=note.url[:2_000], title=(note.title or "")[:300]))
            text += content.text + "\n\n"
    return text.rstrip(), tuple(citations)


def _usage(found: Interaction) -> CallUsage | None:
    """What the job took; ``None`` where the provider does not say. Thinking is output, what tools brought is input."""
    used = found.usage
    if used is None or used.total_input_tokens is None or used.total_output_tokens is None:
        return None
    searches = sum(count.count or 0 for count in used.grounding_tool_count or () if count.type == "google_search")
    taken = used.total_input_tokens + (used.total_tool_use_tokens or 0)
    given = used.total_output_tokens + (used.total_thought_tokens or 0)
    return CallUsage(taken, given, min(used.total_cached_tokens or 0, taken), fees=searches)


def _failed(what: str, error: Exception, *, of_job: str | None = None) -> RequestFailed:
    """What an error of the SDK means for money and for the next try: it carries the HTTP status where there was an answer."""
    import httpx

    status = getattr(error, "status_code", None)
    said = f"{what}: {' '.join(str(error).split())[:300]}"
    if status == httpx.codes.NOT_FOUND and of_job is not None:
        return JobGone(said)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RequestFailed(Failure.THROTTLED, said, retry_after_s=_retry_after(error))
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        return RequestFailed(Failure.OVERLOADED, said, retry_after_s=_retry_after(error))
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return RequestFailed(Failure.REFUSED, said, remedy="Check the key, and that it may use this agent.")
    if isinstance(status, int) and 400 <= status < 500 and status != httpx.codes.REQUEST_TIMEOUT:
        return RequestFailed(Failure.REFUSED, said, remedy="Check the agent's name and the account's quota.")
    if status is None and _unsent(error):
        return RequestFailed(Failure.UNREACHABLE, said, remedy="Check the network and the endpoint's address.")
    return RequestFailed(Failure.LOST, said)


def _unsent(error: BaseException) -> bool:
    """Whether the request certainly did not leave: the connection was never made."""
    import httpx

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None)
    try:
        return float(headers["retry-after"]) if headers is not None else None
    except (KeyError, TypeError, ValueError):
        return None
