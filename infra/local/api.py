"""The public API from the caller's side: one client for a served platform, the cloud, and the application in this very process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from functions.missions.answers import (
    Accepted,
    CostReport,
    DeadLetter,
    DeadLetterPage,
    Deleted,
    EventPage,
    Health,
    MissionPage,
    ReportDifference,
    StoredInput,
)
from infra.local.signing_in import GoogleSignIn
from schemas.events import AuditEvent
from schemas.mission import MissionState, MissionStatus
from schemas.problem import Problem
from shared.documents import JsonMap
from shared.endpoints import is_on_this_machine
from shared.errors import BadInput, Forbidden, KimeraError, NotFound, TooLarge, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

IN_PROCESS = "http://localhost"
_TIMEOUT = httpx.Timeout(30, read=180)
_PROMPT = httpx.Timeout(30)
"""For a state, which is told at once: nobody who watches is kept for minutes by a platform that hangs."""
_SUBMISSION = httpx.Timeout(60)
_PAGE = 500
ModelT = TypeVar("ModelT", bound=BaseModel)


class MissionsApi:
    """Each method is one call. A problem document comes back as the ``KimeraError`` that the platform raised."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    @classmethod
    def over_http(cls, endpoint: str, token: str | None) -> MissionsApi:
        """A platform at an address. One elsewhere, called without a token of its own, is called as the user's Google identity."""
        auth = None if token or not endpoint.startswith("https://") or is_on_this_machine(endpoint) else GoogleSignIn(endpoint)
        try:
            return cls(httpx.Client(base_url=endpoint.rstrip("/"), headers=bearer(token), timeout=_TIMEOUT, auth=auth))
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise BadInput(f"{endpoint[:200]} is no address: {error}.", remedy="Give one like http://127.0.0.1:8700.") from error

    @classmethod
    def in_process(cls, app: WSGIApplication, token: str | None) -> MissionsApi:
        """The application of this process: no socket, the same checks."""
        return cls(httpx.Client(base_url=IN_PROCESS, transport=httpx.WSGITransport(app=app), headers=bearer(token), timeout=_TIMEOUT))

    def health(self) -> Health:
        """That it answers, and its version."""
        return self._model(Health, "GET", "/health")

    def submit(self, request: JsonMap, *, idempotency_key: str | None = None) -> Accepted:
        """Submit a mission (the JSON of a ``MissionRequest``)."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
        return self._model(Accepted, "POST", "/missions", content=json.dumps(request).encode(), headers=headers, timeout=_SUBMISSION)

    def upload(self, path: Path, name: str) -> StoredInput:
        """Upload a file; its size goes ahead, so that one that is too large is refused at once."""
        with path.open("rb") as stream:
            return self._model(StoredInput, "PUT", f"/inputs/{quote(name, safe='')}", content=stream)

    def state(self, mission_id: str) -> MissionState:
        """Where a mission stands."""
        return self._model(MissionState, "GET", _mission(mission_id), timeout=_PROMPT)

    def missions(self, *, limit: int) -> list[MissionState]:
        """The newest missions, at most ``limit``; without those that cannot be read."""
        return [*self.all_missions(limit=limit).missions]

    def all_missions(self, *, limit: int, status: MissionStatus | None = None) -> MissionPage:
        """The same, or those of one status, with the ids of those that cannot be read."""
        found: list[MissionState] = []
        unreadable: list[str] = []
        after: str | None = None
        while (missing := limit - len(found) - len(unreadable)) > 0:
            query = {"limit": str(min(_PAGE, missing))} | ({"after": after} if after else {}) | ({"status": status} if status else {})
            page = self._model(MissionPage, "GET", "/missions", params=query)
            found += page.missions
            unreadable += page.unreadable
            after = page.next
            if after is None:
                break
        return MissionPage(missions=tuple(found), unreadable=tuple(unreadable))

    def cancel(self, mission_id: str) -> MissionState:
        """Ask it to stop."""
        return self._model(MissionState, "POST", _mission(mission_id) + "/cancel")

    def delete(self, mission_id: str) -> Deleted:
        """Delete it with everything it wrote."""
        return self._model(Deleted, "DELETE", _mission(mission_id))

    def events(self, mission_id: str) -> tuple[AuditEvent, ...]:
        """Its audit events in time order."""
        return self._model(EventPage, "GET", _mission(mission_id) + "/events").events

    def costs_of_mission(self, mission_id: str, *, by: str) -> CostReport:
        """What a mission has cost."""
        return self._model(CostReport, "GET", _mission(mission_id) + "/costs", params={"by": by})

    def costs_of_day(self, day: str | None, *, by: str) -> CostReport:
        """What a day (UTC) has cost; today's costs unless one is named."""
        return self._model(CostReport, "GET", "/costs", params={"by": by} | ({"day": day} if day is not None else {}))

    def report(self, mission_id: str, *, form: str, version: int | None = None) -> bytes:
        """A report: ``form`` is md, html or json; the newest version unless one is named."""
        query = {"format": form} | ({"version": str(version)} if version is not None else {})
        return self._send("GET", _mission(mission_id) + "/report", params=query).content

    def report_changes(self, mission_id: str, *, old: int | None, new: int | None) -> ReportDifference:
        """What two versions of a report differ in; the newest and the one before it unless they are named."""
        query = {name: str(version) for name, version in (("from", old), ("to", new)) if version is not None}
        return self._model(ReportDifference, "GET", _mission(mission_id) + "/report/changes", params=query)

    def dead_letters(self, *, limit: int, status: str | None = None, mission_id: str | None = None) -> list[DeadLetter]:
        """The newest messages that could not be delivered, at most ``limit``; without those that cannot be read."""
        return [*self.all_dead_letters(limit=limit, status=status, mission_id=mission_id).letters]

    def all_dead_letters(self, *, limit: int, status: str | None = None, mission_id: str | None = None) -> DeadLetterPage:
        """The same, with the names of those that cannot be read."""
        narrowed = {key: value for key, value in (("status", status), ("mission_id", mission_id)) if value is not None}
        found: list[DeadLetter] = []
        unreadable: list[str] = []
        after: str | None = None
        while len(found) < limit:
            query = narrowed | {"limit": str(min(_PAGE, limit - len(found)))} | ({"after": after} if after else {})
            page = self._model(DeadLetterPage, "GET", "/dead-letters", params=query)
            found += page.letters
            unreadable += page.unreadable
            after = page.next
            if after is None:
                break
        return DeadLetterPage(letters=tuple(found), unreadable=tuple(unreadable))

    def dead_letter(self, name: str) -> DeadLetter:
        """One dead letter."""
        return self._model(DeadLetter, "GET", _letter(name))

    def replay(self, name: str, *, again: bool) -> DeadLetter:
        """Have it delivered again; one that was replayed before needs ``again``."""
        return self._model(DeadLetter, "POST", _letter(name) + "/replay", params={"again": str(again).lower()})

    def discard(self, name: str, *, why: str) -> DeadLetter:
        """Mark it as not needed any more."""
        content, headers = json.dumps({"why": why}).encode(), {"Content-Type": "application/json"}
        return self._model(DeadLetter, "POST", _letter(name) + "/discard", content=content, headers=headers)

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def _model(
        self,
        model: type[ModelT],
        method: str,
        path: str,
        *,
        content: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> ModelT:
        answer = self._send(method, path, content=content, headers=headers, params=params, timeout=timeout)
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            raise Unavailable(
                f"{self._client.base_url} answered {method} {path} with something that is no {model.__name__}.",
                remedy="Is it a KIMERA of this version? Check the address.",
            ) from error

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, path, content=content, headers=headers, params=params, timeout=timeout)
        except httpx.UnsupportedProtocol as error:
            raise BadInput(f"{self._client.base_url} is no address.", remedy="Give one like http://127.0.0.1:8700.") from error
        except httpx.HTTPError as error:
            raise Unavailable(
                f"The platform at {self._client.base_url} cannot be reached: {str(error).rstrip('.')}.",
                remedy="Is it running? Start one with `kimera serve`.",
            ) from error
        if not answer.is_success:
            raise error_of(answer)
        return answer


def bearer(token: str | None) -> dict[str, str]:
    """The header that says who is calling. What stands around a token, as a line's end of the file it came from, is none of it."""
    token = (token or "").strip()
    if not all("!" <= character <= "~" for character in token):
        raise BadInput("KIMERA_TOKEN is no token: it holds a space, a line's end or what is no ASCII.", remedy="Set it to the token alone.")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _mission(mission_id: str) -> str:
    if not _fits_route(mission_id):
        raise NotFound(f"There is no mission {mission_id[:64]!r}.", remedy="List yours with `kimera list`.")
    return f"/missions/{quote(mission_id, safe='')}"


def _letter(name: str) -> str:
    if not _fits_route(name):
        raise NotFound(f"There is no dead letter {name[:80]!r}.", remedy="List yours with `kimera dead-letters list`.")
    return f"/dead-letters/{quote(name, safe='')}"


def _fits_route(name: str) -> bool:
    """Whether a platform would see the name in an address as one: a "/" parts it, escaped or not, and no route takes the rest."""
    return name not in ("", ".", "..") and name.isprintable() and "/" not in name


def error_of(answer: httpx.Response) -> KimeraError:
    """The error that the platform raised, of the same class, so that the same exit code follows."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return _front_end_error(answer)
    kind = _class_of(problem.code, problem.status)
    return kind(problem.detail, remedy=problem.remedy)


def _front_end_error(answer: httpx.Response) -> KimeraError:
    """What stands before a platform on Google Cloud answered by itself."""
    root = f"{answer.request.url.scheme}://{answer.request.url.netloc.decode()}"
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return Unauthenticated(f"{root} does not accept this identity.", remedy="Sign in with `gcloud auth login`, or set KIMERA_TOKEN.")
    if answer.status_code == httpx.codes.FORBIDDEN:
        return Forbidden(
            f"{root} does not let you in.", remedy="Whoever deployed it can grant you roles/run.invoker on the function missions."
        )
    if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(
            f"{root} takes no body as large as this.", remedy="Put the file into the inbox bucket, with a mission.yaml beside it."
        )
    return Unavailable(f"{answer.request.url} answered {answer.status_code} and no problem document.", remedy="Check the address.")


def _class_of(code: str, status: int) -> type[KimeraError]:
    known = list(_tree(KimeraError))
    by_code = [kind for kind in known if kind.code == code and kind.__module__ == KimeraError.__module__]
    by_status = [kind for kind in known if kind.status == status and kind.__module__ == KimeraError.__module__]
    return next(iter(by_code or by_status), BadInput if 400 <= status < 500 else KimeraError)


def _tree(kind: type[KimeraError]) -> Iterator[type[KimeraError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)
