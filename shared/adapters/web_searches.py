"""Web searches over plain HTTP: Gemini with its search tool, and Brave Search. Each is a ``Sender`` that answers ``SearchHits`` as JSON.

One request each, nothing is retried here; what goes wrong says whether it can have cost anything, as with models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.models.calls import CallUsage, ModelAnswer, ModelCall
from shared.models.failures import Failure, RequestFailed
from shared.web.search import SearchHit, SearchHits

if TYPE_CHECKING:
    from shared.models.credentials import ModelEndpoints

AnswerT = TypeVar("AnswerT")
TIMEOUT_S = 45.0
MAX_ANSWER_BYTES = 2_000_000
GOOGLE = "https://generativelanguage.googleapis.com"
BRAVE_COUNT = 10
_SHOWN_SNIPPET = 500


class _Loose(BaseModel):
    """A part of another's answer: fields that are not ours to know are passed over."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _WebPage(_Loose):
    uri: str = ""
    title: str = ""


class _Chunk(_Loose):
    web: _WebPage | None = None


class _Segment(_Loose):
    text: str = ""


class _Support(_Loose):
    segment: _Segment = _Segment()
    chunks: tuple[int, ...] = Field(default=(), alias="groundingChunkIndices")


class _Grounding(_Loose):
    chunks: tuple[_Chunk, ...] = Field(default=(), alias="groundingChunks")
    supports: tuple[_Support, ...] = Field(default=(), alias="groundingSupports")
    queries: tuple[str, ...] = Field(default=(), alias="webSearchQueries")


class _Candidate(_Loose):
    grounding: _Grounding = Field(default=_Grounding(), alias="groundingMetadata")


class _Counted(_Loose):
    prompt: int | None = Field(default=None, alias="promptTokenCount")
    tools: int = Field(default=0, alias="toolUsePromptTokenCount")
    answer: int = Field(default=0, alias="candidatesTokenCount")
    thoughts: int = Field(default=0, alias="thoughtsTokenCount")
    cached: int = Field(default=0, alias="cachedContentTokenCount")


class _Generated(_Loose):
    candidates: tuple[_Candidate, ...] = ()
    usage: _Counted | None = Field(default=None, alias="usageMetadata")
    model: str = Field(default="", alias="modelVersion")


class _BraveResult(_Loose):
    url: str
    title: str = ""
    description: str = ""
    date: str | None = Field(default=None, alias="page_age")


class _BraveWeb(_Loose):
    results: tuple[_BraveResult, ...] = ()


class _BraveAnswer(_Loose):
    web: _BraveWeb = _BraveWeb()


class SearchLink:
    """Sends searches to the service that the call names."""

    def __init__(self, endpoints: ModelEndpoints, *, timeout_s: float = TIMEOUT_S) -> None:
        self._endpoints = endpoints
        self._timeout_s = timeout_s

    def send(self, call: ModelCall) -> ModelAnswer:
        """The hits. Raises ``RequestFailed``."""
        if (wrong := self._endpoints.wrong_key(call.model.provider)) is not None:
            raise RequestFailed(Failure.KEY_REFUSED, wrong)
        return self._brave(call) if call.model.provider == "brave" else self._gemini(call)

    def _gemini(self, call: ModelCall) -> ModelAnswer:
        key = self._endpoints.google_api_key
        if key is None:
            raise RequestFailed(
                Failure.REFUSED, "There is no key for web search by Gemini.", remedy="Set GEMINI_API_KEY, or use --web brave."
            )
        body = {
            "systemInstruction": {"parts": [{"text": call.prompt.system}]},
            "contents": [{"role": "user", "parts": [{"text": call.prompt.user}]}],
            "tools": [{"google_search": {}}],
            "generationConfig": {"maxOutputTokens": call.max_output_tokens},
        }
        base = (self._endpoints.google_base_url or GOOGLE).rstrip("/")
        request = httpx.Request(
            "POST", f"{base}/v1beta/models/{call.model.name}:generateContent", headers={"x-goog-api-key": key.get_secret_value()}, json=body
        )
        found = self._read(call, request, _Generated.model_validate_json)
        grounding = found.candidates[0].grounding if found.candidates else _Grounding()
        counted = found.usage
        usage = None
        if counted is not None and counted.prompt is not None:
            searches = len({query for query in grounding.queries if query.strip()})
            taken = counted.prompt + counted.tools
            usage = CallUsage(taken, counted.answer + counted.thoughts, min(counted.cached, taken), fees=searches)
        return ModelAnswer(_grounded(grounding).model_dump_json(), usage, found.model or call.model.name)

    def _brave(self, call: ModelCall) -> ModelAnswer:
        key = self._endpoints.brave_api_key
        if key is None:
            raise RequestFailed(Failure.REFUSED, "There is no key for Brave Search.", remedy="Set BRAVE_API_KEY, or use --web gemini.")
        request = httpx.Request(
            "GET",
            f"{self._endpoints.brave_base_url.rstrip('/')}/res/v1/web/search",
            params={"q": call.prompt.user, "count": str(BRAVE_COUNT), "text_decorations": "false", "result_filter": "web"},
            headers={"X-Subscription-Token": key.get_secret_value(), "Accept": "application/json"},
        )
        found = self._read(call, request, _BraveAnswer.model_validate_json)
        hits = [SearchHit(url=r.url, title=r.title[:300], snippet=r.description[:_SHOWN_SNIPPET], date=r.date) for r in found.web.results]
        return ModelAnswer(SearchHits(hits=tuple(hits)).model_dump_json(), CallUsage(0, 0), call.model.name)

    def _read(self, call: ModelCall, request: httpx.Request, parse: Callable[[bytes], AnswerT]) -> AnswerT:
        """The service's answer, parsed."""
        label = call.model.label
        patience_s = min(call.within_s, self._timeout_s)
        try:
            with httpx.Client(timeout=httpx.Timeout(patience_s, connect=min(10.0, patience_s))) as client:
                response = client.send(request, follow_redirects=False)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise RequestFailed(Failure.UNREACHABLE, f"{label}: {_short(error)}", remedy="Check the network.") from error
        except httpx.ReadTimeout as error:
            raise RequestFailed(Failure.CUT_OFF if patience_s < self._timeout_s else Failure.LOST, f"{label}: {_short(error)}") from error
        except httpx.HTTPError as error:
            raise RequestFailed(Failure.LOST, f"{label}: {_short(error)}") from error
        _require_ok(label, response)
        if len(response.content) > MAX_ANSWER_BYTES:
            raise RequestFailed(Failure.LOST, f"{label} answered {len(response.content):,} bytes; at most {MAX_ANSWER_BYTES:,} are read.")
        try:
            return parse(response.content)
        except ValidationError as error:
            raise RequestFailed(Failure.LOST, f"{label} answered what cannot be read: {error.errors()[0]['msg']}.") from error


def _grounded(grounding: _Grounding) -> SearchHits:
    """The pages behind a grounded answer, those that support most of it first; what it says of each is the snippet."""
    snippets: dict[int, list[str]] = {}
    for support in grounding.supports:
        for at in support.chunks:
            snippets.setdefault(at, []).append(" ".join(support.segment.text.split()))
    order = sorted(range(len(grounding.chunks)), key=lambda at: (-len(snippets.get(at, ())), at))
    hits: list[SearchHit] = []
    for at in order:
        page = grounding.chunks[at].web
        if page is not None and page.uri:
            hits.append(SearchHit(url=page.uri, title=page.title[:300], snippet=" ".join(snippets.get(at, ()))[:_SHOWN_SNIPPET]))
    return SearchHits(hits=tuple(hits))


def _require_ok(label: str, response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    said = f"{label} answered {status}"
    match status:
        case httpx.codes.TOO_MANY_REQUESTS:
            raise RequestFailed(Failure.THROTTLED, f"{said}: too many requests", retry_after_s=_retry_after(response))
        case httpx.codes.SERVICE_UNAVAILABLE:
            raise RequestFailed(Failure.OVERLOADED, said, retry_after_s=_retry_after(response))
        case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
            raise RequestFailed(Failure.REFUSED, said, remedy="Check the key, and that it may search.")
        case httpx.codes.REQUEST_TIMEOUT:
            raise RequestFailed(Failure.LOST, said)
        case _ if status < 500:
            raise RequestFailed(Failure.REFUSED, said, remedy="Check the endpoint's address, and the account's plan.")
        case _:
            raise RequestFailed(Failure.LOST, said)


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return min(float(response.headers["retry-after"]), 3_600.0)
    except (KeyError, ValueError):
        return None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
