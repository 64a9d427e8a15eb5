"""A stand-in for remote research: the Interactions API, Gemini's grounded search and Brave Search, on a free port of this machine.

Bodies of the Interactions API are built from the SDK's own types.
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from infra.local.drills.standin.faults import Fault

KEY = "stand-in-key"
_JOB = re.compile(r"^/v1beta/interactions/(?P<job>[\w-]+)(?P<cancel>/cancel)?$")
_PLAIN = {Fault.SERVER_ERROR: 500, Fault.UNAVAILABLE: 503, Fault.BAD_KEY: 401, Fault.NO_SUCH_MODEL: 404}


@dataclass(frozen=True, slots=True)
class Cites:
    """A stretch of a report's text that is attributed to a page."""

    words: str
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a job shows. Tokens are ``None`` where the provider says none."""

    status: str = "in_progress"
    text: str = ""
    cites: Sequence[Cites] = ()
    tokens: tuple[int, int] | None = None
    thoughts: int = 0
    searches: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A page that a search finds."""

    url: str
    title: str = ""
    snippet: str = ""


@dataclass
class RemoteStandIn:
    """Plays the looks in order, the last one again and again; faults come first. A context manager."""

    looks: deque[Look] = field(default_factory=deque)
    faults: deque[Fault] = field(default_factory=deque)
    finds: list[Found] = field(default_factory=list)
    cancelled_as: Look = field(default_factory=lambda: Look("cancelled"))
    begun: list[dict[str, Any]] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self) -> dict[str, str]:
        """The variables that point KIMERA here."""
        return {"KIMERA_GOOGLE_BASE_URL": self.url, "GEMINI_API_KEY": KEY, "KIMERA_BRAVE_BASE_URL": self.url, "BRAVE_API_KEY": KEY}

    def next_look(self) -> Look:
        with self.lock:
            return self.looks.popleft() if len(self.looks) > 1 else self.looks[0] if self.looks else Look()


def interaction(job: str, look: Look) -> bytes:
    """The body of a job."""
    from google.genai.interactions import Error, GroundingToolCount, Interaction, ModelOutputStep, TextContent, URLCitation, Usage

    data = look.text.encode()
    notes = []
    for cite in look.cites:
        at = data.index(cite.words.encode())
        notes.append(URLCitation(url=cite.url, title=cite.title, start_index=at, end_index=at + len(cite.words.encode())))
    usage = None
    if look.tokens is not None:
        counts = [GroundingToolCount(type="google_search", count=look.searches)]
        taken, given = look.tokens
        usage = Usage(total_input_tokens=taken, total_output_tokens=given, total_thought_tokens=look.thoughts, grounding_tool_count=counts)
    content = TextContent(text=look.text, annotations=[*notes])
    made = Interaction(id=job, status="in_progress", steps=[ModelOutputStep(content=[content])] if look.text else [], usage=usage)
    if look.error:
        made.errors = [Error(message=look.error)]
    made = made.model_copy(update={"status": look.status})  # also one that this SDK does not know
    return made.model_dump_json(exclude={"output_text"}).encode()


def grounded(finds: Sequence[Found], query: str) -> bytes:
    """A body of ``generateContent`` with the search tool."""
    from google.genai import types

    chunks = [types.GroundingChunk(web=types.GroundingChunkWeb(uri=f.url, title=f.title)) for f in finds]
    supports = [
        types.GroundingSupport(segment=types.Segment(text=f.snippet), grounding_chunk_indices=[at])
        for at, f in enumerate(finds)
        if f.snippet
    ]
    about = types.GroundingMetadata(
        grounding_chunks=chunks, grounding_supports=supports, web_search_queries=[query, "", f"{query} figures"]
    )
    answer = types.Candidate(content=types.Content(role="model", parts=[types.Part(text="Some pages say so.")]), grounding_metadata=about)
    counted = types.GenerateContentResponseUsageMetadata(prompt_token_count=120, candidates_token_count=30, thoughts_token_count=10)
    body = types.GenerateContentResponse(candidates=[answer], usage_metadata=counted, model_version="gemini-3.5-flash-lite")
    return body.model_dump_json(exclude_none=True, by_alias=True).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        path = urlsplit(self.path).path
        if self._misbehaves() or not self._has_key("x-goog-api-key"):
            return
        if path == "/v1beta/interactions":
            self._begin(body)
        elif (match := _JOB.match(path)) and match["cancel"]:
            self._standin.cancelled.append(match["job"])
            self._send(200, interaction(match["job"], self._standin.cancelled_as))
        elif path.endswith(":generateContent"):
            query = body["contents"][0]["parts"][0]["text"]
            if body.get("tools") != [{"google_search": {}}] or not body["generationConfig"]["maxOutputTokens"]:
                self._refuse("a search without the search tool or a limit")
                return
            self._standin.queries.append(query)
            self._send(200, grounded(self._standin.finds, query))
        else:
            self._refuse(f"no such path: {path}")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if self._misbehaves():
            return
        if parts.path == "/res/v1/web/search":
            if self._has_key("X-Subscription-Token"):
                query = parse_qs(parts.query)["q"][0]
                self._standin.queries.append(query)
                results = [{"url": f.url, "title": f.title, "description": f.snippet, "language": "en"} for f in self._standin.finds]
                self._send(200, json.dumps({"type": "search", "web": {"type": "search", "results": results}}).encode())
        elif (match := _JOB.match(parts.path)) and self._has_key("x-goog-api-key"):
            self._standin.looked_at.append(match["job"])
            self._send(200, interaction(match["job"], self._standin.next_look()))
        else:
            self._refuse(f"no such path: {parts.path}")

    def _begin(self, body: dict[str, Any]) -> None:
        if body.get("background") is not True or not str(body.get("agent", "")).startswith("deep-research") or not body.get("input"):
            self._refuse("an agent's job needs an agent, an input, and to run in the background")
            return
        with self._standin.lock:
            self._standin.begun.append(body)
            job = f"job-{len(self._standin.begun)}"
        self._send(200, interaction(job, Look("in_progress")))

    def _misbehaves(self) -> bool:
        with self._standin.lock:
            fault = self._standin.faults.popleft() if self._standin.faults else None
        if fault is None:
            return False
        match fault:
            case Fault.THROTTLED:
                self._send(429, _error(429), {"Retry-After": "3"})
            case Fault.CUT:
                self.close_connection = True
            case Fault.STALL:
                self._standin.stopped.wait()
                self.close_connection = True
            case Fault.MALFORMED:
                self._send(200, b'{"web": [')
            case _:
                self._send(_PLAIN[fault], _error(_PLAIN[fault]))
        return True

    def _has_key(self, header: str) -> bool:
        if self.headers.get(header) == KEY:
            return True
        self._send(401, _error(401))
        return False

    def _refuse(self, why: str) -> None:
        self._standin.refused.append(why)
        self._send(400, _error(400, why))

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing: pytest shows what was seen."""

    @property
    def _standin(self) -> RemoteStandIn:
        assert isinstance(self.server, _Server)
        return self.server.standin


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, standin: RemoteStandIn) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", 0), _Handler)


def _error(status: int, message: str = "the stand-in was told to fail") -> bytes:
    return json.dumps({"error": {"code": status, "message": message}}).encode()
