"""Entry point of ``missions``: the public HTTP API."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import get_args

import functions_framework
from flask import Request, Response

from functions.missions.answers import (
    CURSOR,
    Accepted,
    CostReport,
    DeadLetter,
    DeadLetterPage,
    Deleted,
    DiscardRequest,
    EventPage,
    Health,
    MissionPage,
    ReportDifference,
    StoredInput,
)
from functions.missions.costs import Costs
from functions.missions.damaged_deletion import delete_damaged
from functions.missions.dead_letters import DeadLetters
from functions.missions.deletion import Kept, delete_mission
from functions.missions.difference import difference
from functions.missions.uploads import receive_upload
from schemas.mission import MissionRequest, MissionState, MissionStatus, ReportVersion, Track
from schemas.outcome import MissionOutcomePackage
from shared.dead_letters import LetterStatus
from shared.errors import BadInput, Corrupt, LengthRequired, NotFound, Unavailable
from shared.http import Answer, Api, Call
from shared.inputs import safe_name
from shared.ledger.attribution import Dimension
from shared.missions.chain import Happening
from shared.missions.published import published
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
    """Whether the platform answers. Probes add what they like to the address, against caches: no parameter is looked at."""
    return Health(version=VERSION)


@api.route("GET", "/health")
def health(_: Call) -> Health:
    """The same under a path that Cloud Run does not keep for itself."""
    return Health(version=VERSION)


@api.route("GET", "/openapi.json", query=())
def openapi(_: Call) -> Response:
    """This API's description."""
    from functions.missions.openapi import document

    return Response(json.dumps(document()), 200, mimetype="application/json")


@api.route("POST", "/missions", query=())
def submit(call: Call) -> Answer:
    """Submit a mission: 202 with its id."""
    owner = _owner(call)
    request = call.body_from_outside(MissionRequest)
    mission, created = _submission(call).submit(request, owner=owner, idempotency_key=call.request.headers.get("Idempotency-Key"))
    return Accepted(mission_id=mission.mission_id, status=mission.status, created=created), 202


@api.route("GET", "/missions", query=("status", "limit", "after"))
def list_missions(call: Call) -> MissionPage:
    """The caller's missions, newest first; ``status`` narrows them."""
    limit = _limit(call)
    found = call.runtime.missions.page(owner=_owner(call), statuses=_statuses(call), limit=limit + 1, before=_after(call))
    ids = sorted([*found.damaged, *(mission.mission_id for mission in found.missions)], reverse=True)[:limit]
    states: list[MissionState] = []
    for mission in found.missions:
        if mission.mission_id in ids:
            with suppress(Corrupt):  # a track of it: it counts among the unreadable
                states.append(_state(call, mission))
    unreadable = tuple(mission_id for mission_id in ids if mission_id not in {state.mission_id for state in states})
    return MissionPage(missions=tuple(states), next=ids[-1] if found.last is not None else None, unreadable=unreadable)


@api.route("GET", "/missions/<mission_id>", query=())
def read(call: Call) -> MissionState:
    """Where a mission stands."""
    mission = _mission(call)
    if not mission.over:
        call.runtime.require_progress()
    return _state(call, mission)


@api.route("DELETE", "/missions/<mission_id>", query=())
def delete(call: Call) -> Deleted:
    """Delete a mission that has ended, with everything it wrote; one that is damaged also where it has not ended, since it never will."""
    runtime, mission_id, owner = call.runtime, call.arguments["mission_id"], _owner(call)
    kept = Kept(
        documents=runtime.documents,
        missions=runtime.missions,
        artifacts=runtime.artifacts,
        knowledge=runtime.knowledge,
        audit=runtime.audit,
        queue=runtime.queue,
        clock=runtime.clock,
        lease_s=runtime.slice_lease_s,
    )
    with about_mission(mission_id):
        try:
            _state(call, runtime.missions.owned(mission_id, owner))
        except Corrupt:
            return delete_damaged(mission_id, kept, owner=owner, only_owner=runtime.has_one_owner)
        return delete_mission(mission_id, kept, owner=owner)


@api.route("POST", "/missions/<mission_id>/cancel", query=())
def cancel(call: Call) -> MissionState:
    """Ask a mission to stop: both tracks see it within one slice, and what there is gets fused."""
    mission = _mission(call)

    def decide(current: MissionRecord, _: dict[Track, TrackRecord]) -> Change | None:
        if current.over or current.cancel_requested:
            return None
        return Change(current.model_copy(update={"cancel_requested": True}), [Happening("mission.cancel_requested")])

    return _state(call, call.runtime.missions.change(mission.mission_id, "api", decide))


@api.route("GET", "/missions/<mission_id>/events", query=())
def events(call: Call) -> EventPage:
    """What happened, in time order."""
    return EventPage(events=tuple(call.runtime.audit.events(_mission(call).mission_id)))


@api.route("GET", "/missions/<mission_id>/costs", query=("by",))
def costs_of_mission(call: Call) -> CostReport:
    """What the mission has cost; ``by`` track, role, model, tool or mission."""
    return _costs(call).of_mission(_mission(call), _dimension(call))


@api.route("GET", "/costs", query=("day", "by"))
def costs_of_day(call: Call) -> CostReport:
    """What a day (UTC) has cost; ``by`` track, role, model, tool or mission."""
    return _costs(call).of_day(call.request.args.get("day"), _dimension(call), owner=_owner(call))


@api.route("GET", "/missions/<mission_id>/report", query=("format", "version"))
def report(call: Call) -> Response:
    """A published report: ``format`` md, html or json; ``version``, else the newest."""
    mission = _mission(call)
    wanted = call.request.args.get("format", "md")
    if wanted not in _MEDIA_TYPES:
        raise BadInput(f"There is no report format {wanted[:20]!r}.", remedy=f"Formats: {', '.join(_MEDIA_TYPES)}.")
    chosen = _version(mission, call.request.args.get("version"))
    uri = {"md": chosen.markdown_uri, "html": chosen.html_uri, "json": chosen.outcome_uri}[wanted]
    # A report is data made from data: it may never act in the reader's session with this API.
    headers = {
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(published(call.runtime.artifacts, mission, uri), 200, headers, content_type=_MEDIA_TYPES[wanted])


@api.route("GET", "/missions/<mission_id>/report/changes", query=("from", "to"))
def report_changes(call: Call) -> ReportDifference:
    """What two versions of a report differ in: ``from`` and ``to``, else the newest and the one before it."""
    mission, given = _mission(call), call.request.args
    new = _version(mission, given.get("to"))
    earlier = [report for report in mission.reports if report.version < new.version]
    if not earlier and "from" not in given:
        raise NotFound(
            f"Report version {new.version} of mission {mission.mission_id} is its first: there is nothing to compare it with.",
            remedy="A second version comes where a partial report is completed, or a late track upgrades it.",
        )
    old = _version(mission, given.get("from", str(earlier[-1].version) if earlier else None))
    read = (MissionOutcomePackage.model_validate_json(published(call.runtime.artifacts, mission, r.outcome_uri)) for r in (old, new))
    return difference(mission.mission_id, *read)


@api.route("GET", "/dead-letters", query=("status", "mission_id", "limit", "after"))
def list_dead_letters(call: Call) -> DeadLetterPage:
    """The caller's dead letters, newest first; ``status`` and ``mission_id`` narrow them."""
    given = call.request.args
    status = given.get("status")
    if status is not None and status not in set(LetterStatus):
        raise BadInput(f"status has to be one of {', '.join(LetterStatus)}, not {status[:20]!r}.")
    wanted = LetterStatus(status) if status is not None else None
    return _letters(call).page(status=wanted, mission_id=given.get("mission_id"), limit=_limit(call), after=given.get("after"))


@api.route("GET", "/dead-letters/<name>", query=())
def read_dead_letter(call: Call) -> DeadLetter:
    """One dead letter."""
    return _letters(call).read(call.arguments["name"])


@api.route("POST", "/dead-letters/<name>/replay", query=("again",))
def replay_dead_letter(call: Call) -> DeadLetter:
    """Deliver it again, as the first time; a second replay needs ``again=true``."""
    again = call.request.args.get("again", "false")
    if again not in ("true", "false"):
        raise BadInput(f"again has to be true or false, not {again[:20]!r}.")
    return _letters(call).replay(call.arguments["name"], again=again == "true")


@api.route("POST", "/dead-letters/<name>/discard", query=())
def discard_dead_letter(call: Call) -> DeadLetter:
    """Mark it as not needed any more; a replay takes that back."""
    letters = _letters(call)
    return letters.discard(call.arguments["name"], why=call.body_from_outside(DiscardRequest).why)


@api.route("PUT", "/inputs/<rest:name>", query=())
def upload(call: Call) -> Answer:
    """Upload a file: 201 with the uri to name in a mission's inputs."""
    owner, name = _owner(call), safe_name(call.arguments["name"])
    if call.request.content_length is None and "Transfer-Encoding" not in call.request.headers:
        raise LengthRequired(f"No content for {name} was sent.", remedy="Send the file as the body, with its Content-Length or in chunks.")
    runtime, sent = call.runtime, call.request
    scratch = runtime.home / "scratch"
    stored = receive_upload(sent.stream, dict(sent.headers), name=name, owner=owner, artifacts=runtime.artifacts, scratch=scratch)
    return StoredInput(uri=stored.uri, sha256=stored.sha256, size=stored.size, name=name), 201


def _owner(call: Call) -> str:
    return call.runtime.identity.owner(dict(call.request.headers))


def _mission(call: Call) -> MissionRecord:
    return call.runtime.missions.owned(call.arguments["mission_id"], _owner(call))


def _state(call: Call, mission: MissionRecord) -> MissionState:
    return call.runtime.missions.state(mission)


def _version(mission: MissionRecord, wanted: str | None) -> ReportVersion:
    """The published report of that version, else the newest. Raises ``NotFound``."""
    if not mission.reports and mission.over:
        why = f"`kimera inspect {mission.mission_id}` tells how it ended."
        raise NotFound(f"Mission {mission.mission_id} has no report: it is {mission.status}, and none will come.", remedy=why)
    if not mission.reports:
        raise NotFound(f"Mission {mission.mission_id} has no report yet: it is {mission.status}.", remedy="Ask again later.")
    if wanted is None:
        return mission.reports[-1]
    chosen = next((report for report in mission.reports if str(report.version) == wanted), None)
    if chosen is None:
        known = ", ".join(str(report.version) for report in mission.reports)
        raise NotFound(f"Mission {mission.mission_id} has no report version {wanted[:20]!r}.", remedy=f"Versions: {known}.")
    return chosen


def _submission(call: Call) -> Submission:
    runtime = call.runtime
    return Submission(runtime.missions, runtime.artifacts, runtime.knowledge, runtime.queue, runtime.clock, runtime.known_endpoints)


def _letters(call: Call) -> DeadLetters:
    runtime, owner = call.runtime, _owner(call)
    try:
        inbox_owner: str | None = runtime.inbox_owner
    except Unavailable:  # nobody said whose they are: then nobody sees them here
        inbox_owner = None
    return DeadLetters(
        runtime.documents, runtime.queue, runtime.missions, _submission(call), runtime.clock, owner=owner, inbox_owner=inbox_owner
    )


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


def _statuses(call: Call) -> tuple[MissionStatus, ...]:
    """The one that is asked for; empty: every one."""
    text = call.request.args.get("status")
    if text is None:
        return ()
    if text not in set(MissionStatus):
        raise BadInput(f"status has to be one of {', '.join(MissionStatus)}, not {text[:20]!r}.")
    return (MissionStatus(text),)


def _after(call: Call) -> str | None:
    text = call.request.args.get("after")
    if text is not None and not re.fullmatch(CURSOR, text):
        raise BadInput(f"after has to be the `next` of the page before, not {text[:20]!r}.", remedy="Leave it out for the first page.")
    return text


@functions_framework.http
def missions(request: Request) -> Response:
    """The function."""
    return api.answer(request)
