"""Entry point of ``missions``: the public HTTP API."""

from __future__ import annotations

import json
import re
from typing import get_args

import functions_framework
from flask import Request, Response

from functions.missions.answers import CURSOR, Accepted, CostReport, Deleted, EventPage, Health, MissionPage, StoredInput
from functions.missions.costs import Costs
from functions.missions.deletion import delete_mission
from functions.missions.uploads import receive_upload
from schemas.mission import MissionRequest, MissionState, Track
from shared.errors import BadInput, LengthRequired, NotFound
from shared.http import Answer, Api, Call
from shared.inputs import safe_name
from shared.ledger.attribution import Dimension
from shared.missions.chain import Happening
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change
from shared.missions.submission import Submission
from shared.telemetry.context import about_mission
from shared.version import VERSION

MAX_PAGE = 500
_MEDIA_TYPES = {"md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8", "json": "application/json"}

api = Api("missions")


@api.route("GET", "/healthz")
def healthz(_: Call) -> Health:
    """Whether the platform answers."""
    return Health(version=VERSION)


@api.route("GET", "/health")
def health(_: Call) -> Health:
    """The same under a path that Cloud Run does not keep for itself."""
    return Health(version=VERSION)


@api.route("GET", "/openapi.json")
def openapi(_: Call) -> Response:
    """This API's description."""
    from functions.missions.openapi import document

    return Response(json.dumps(document()), 200, mimetype="application/json")


@api.route("POST", "/missions")
def submit(call: Call) -> Answer:
    """Submit a mission: 202 with its id."""
    runtime = call.runtime
    owner = _owner(call)
    submission = Submission(runtime.missions, runtime.artifacts, runtime.knowledge, runtime.queue, runtime.clock, runtime.known_endpoints)
    request = call.body(MissionRequest)
    mission, created = submission.submit(request, owner=owner, idempotency_key=call.request.headers.get("Idempotency-Key"))
    return Accepted(mission_id=mission.mission_id, status=mission.status, created=created), 202


@api.route("GET", "/missions")
def list_missions(call: Call) -> MissionPage:
    """The caller's missions, newest first."""
    limit = _limit(call)
    found = call.runtime.missions.list(owner=_owner(call), limit=limit + 1, before=_after(call))
    page = found[:limit]
    return MissionPage(missions=tuple(_state(call, m) for m in page), next=page[-1].mission_id if len(found) > limit else None)


@api.route("GET", "/missions/<mission_id>")
def read(call: Call) -> MissionState:
    """Where a mission stands."""
    return _state(call, _mission(call))


@api.route("DELETE", "/missions/<mission_id>")
def delete(call: Call) -> Deleted:
    """Delete a mission that has ended, with everything it wrote."""
    runtime, mission_id = call.runtime, call.arguments["mission_id"]
    with about_mission(mission_id):
        return delete_mission(
            mission_id,
            owner=_owner(call),
            missions=runtime.missions,
            artifacts=runtime.artifacts,
            knowledge=runtime.knowledge,
            audit=runtime.audit,
        )


@api.route("POST", "/missions/<mission_id>/cancel")
def cancel(call: Call) -> MissionState:
    """Ask a mission to stop: both tracks see it within one slice, and what there is gets fused."""
    mission = _mission(call)

    def decide(current: MissionRecord, _: dict[Track, TrackRecord]) -> Change | None:
        if current.over or current.cancel_requested:
            return None
        return Change(current.model_copy(update={"cancel_requested": True}), [Happening("mission.cancel_requested")])

    return _state(call, call.runtime.missions.change(mission.mission_id, "api", decide))


@api.route("GET", "/missions/<mission_id>/events")
def events(call: Call) -> EventPage:
    """What happened, in time order."""
    return EventPage(events=tuple(call.runtime.audit.events(_mission(call).mission_id)))


@api.route("GET", "/missions/<mission_id>/costs")
def costs_of_mission(call: Call) -> CostReport:
    """What the mission has cost; ``by`` track, role, model, tool or mission."""
    return _costs(call).of_mission(_mission(call), _dimension(call))


@api.route("GET", "/costs")
def costs_of_day(call: Call) -> CostReport:
    """What a day (UTC) has cost; ``by`` track, role, model, tool or mission."""
    return _costs(call).of_day(call.request.args.get("day"), _dimension(call), owner=_owner(call))


@api.route("GET", "/missions/<mission_id>/report")
def report(call: Call) -> Response:
    """A published report: ``format`` md, html or json; ``version``, else the newest."""
    mission = _mission(call)
    wanted = call.request.args.get("format", "md")
    if wanted not in _MEDIA_TYPES:
        raise BadInput(f"There is no report format {wanted[:20]!r}.", remedy=f"Formats: {', '.join(_MEDIA_TYPES)}.")
    if not mission.reports:
        raise NotFound(f"Mission {mission.mission_id} has no report yet: it is {mission.status}.", remedy="Ask again later.")
    version = call.request.args.get("version", str(mission.reports[-1].version))
    chosen = next((r for r in mission.reports if str(r.version) == version), None)
    if chosen is None:
        known = ", ".join(str(r.version) for r in mission.reports)
        raise NotFound(f"Mission {mission.mission_id} has no report version {version[:20]!r}.", remedy=f"Versions: {known}.")
    uri = {"md": chosen.markdown_uri, "html": chosen.html_uri, "json": chosen.outcome_uri}[wanted]
    # A report is data made from data: it may never act in the reader's session with this API.
    headers = {
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(call.runtime.artifacts.get(uri), 200, headers, content_type=_MEDIA_TYPES[wanted])


@api.route("PUT", "/inputs/<rest:name>")
def upload(call: Call) -> Answer:
    """Upload a file: 201 with the uri to name in a mission's inputs."""
    owner, name = _owner(call), safe_name(call.arguments["name"])
    if call.request.content_length is None and "Transfer-Encoding" not in call.request.headers:
        raise LengthRequired(f"No content for {name} was sent.", remedy="Send the file as the body, with its Content-Length or in chunks.")
    runtime = call.runtime
    stored = receive_upload(call.request.stream, name=name, owner=owner, artifacts=runtime.artifacts, scratch=runtime.home / "scratch")
    return StoredInput(uri=stored.uri, sha256=stored.sha256, size=stored.size, name=name), 201


def _owner(call: Call) -> str:
    return call.runtime.identity.owner(dict(call.request.headers))


def _mission(call: Call) -> MissionRecord:
    return call.runtime.missions.owned(call.arguments["mission_id"], _owner(call))


def _state(call: Call, mission: MissionRecord) -> MissionState:
    return call.runtime.missions.state(mission)


def _costs(call: Call) -> Costs:
    runtime = call.runtime
    return Costs(runtime.documents, runtime.missions, runtime.clock, day_cap_micro_usd=runtime.settings.day_budget_micro_usd)


def _dimension(call: Call) -> Dimension:
    text = call.request.args.get("by", "track")
    found = next((known for known in get_args(Dimension) if known == text), None)
    if found is None:
        raise BadInput(f"by has to be one of {', '.join(get_args(Dimension))}, not {text[:20]!r}.")
    dimension: Dimension = found
    return dimension


def _limit(call: Call) -> int:
    text = call.request.args.get("limit", "100")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PAGE)) and 1 <= int(text) <= MAX_PAGE):
        raise BadInput(f"limit has to be a number from 1 to {MAX_PAGE}, not {text[:20]!r}.")
    return int(text)


def _after(call: Call) -> str | None:
    text = call.request.args.get("after")
    if text is not None and not re.fullmatch(CURSOR, text):
        raise BadInput(f"after has to be the `next` of the page before, not {text[:20]!r}.", remedy="Leave it out for the first page.")
    return text


@functions_framework.http
def missions(request: Request) -> Response:
    """The function."""
    return api.answer(request)
