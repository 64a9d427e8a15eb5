"""The HTTP API answers as ``schemas/openapi.yaml`` documents it: every route, its answer and its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml

from functions.missions.main import api as application
from functions.missions.openapi import OPERATIONS, Operation
from infra.local.functions import public_app
from schemas import release
from schemas.mission import FusionStatus, MissionStatus, ReportVersion, Track
from schemas.outcome import MissionOutcomePackage, Provenance, Trust
from shared.dead_letters import keep
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change
from shared.runtime import Runtime
from shared.settings import Settings

DOCUMENT: dict[str, Any] = yaml.safe_load((release.FOLDER.parent / "openapi.yaml").read_text())


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    built = Runtime(Settings(home=tmp_path / "home", owners={}))
    yield built
    built.close()


@pytest.fixture
def client(runtime: Runtime) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.WSGITransport(app=public_app(runtime)), base_url="http://localhost") as made:
        yield made


@pytest.fixture
def mission(client: httpx.Client) -> str:
    """A mission that waits for its dispatch."""
    return str(client.post("/missions", json={"question": "How many rows are there?", "inputs": [uploaded(client)]}).json()["mission_id"])


def uploaded(client: httpx.Client) -> dict[str, object]:
    stored = client.put("/inputs/a.csv", content=b"city,temp\nBern,1\n").json()
    return {"uri": stored["uri"], "kind": "data", "name": "a.csv"}


def as_documented(method: str, path: str, answer: httpx.Response) -> httpx.Response:
    """The answer, after its status, media type and body were held against the document."""
    responses = DOCUMENT["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, (answer.status_code, answer.text)
    content = responses[str(answer.status_code)]["content"]
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in content
    if "json" in media_type:
        schema = {**content[media_type]["schema"], "components": DOCUMENT["components"]}
        jsonschema.validate(answer.json(), schema, cls=jsonschema.Draft202012Validator)
    return answer


def test_every_route_is_documented_and_nothing_else() -> None:
    documented = {(o.method, o.path) for o in OPERATIONS}
    served = {(method, re.sub(r"<(\w+)>", r"{\1}", path)) for method, path in application.routes()}
    assert documented == served
    assert documented == {(m.upper(), path) for path, methods in DOCUMENT["paths"].items() for m in methods}


def test_submitting_and_reading_answer_as_documented(client: httpx.Client, mission: str) -> None:
    body = {"question": "How many rows are there?", "inputs": [uploaded(client)]}
    key = {"Idempotency-Key": "k"}
    for path in ("/healthz", "/health", "/openapi.json"):
        as_documented("GET", path, client.get(path))
    assert client.get("/openapi.json").json() == DOCUMENT
    as_documented("PUT", "/inputs/{name}", client.put("/inputs/b.csv", content=b"x"))
    assert as_documented("POST", "/missions", client.post("/missions", json=body, headers=key)).status_code == 202
    assert as_documented("POST", "/missions", client.post("/missions", json={**body, "mode": "benchmark"}, headers=key)).status_code == 409
    as_documented("GET", "/missions", client.get("/missions", params={"limit": 1}))
    as_documented("GET", "/missions/{mission_id}", client.get(f"/missions/{mission}"))
    as_documented("GET", "/missions/{mission_id}/events", client.get(f"/missions/{mission}/events"))
    as_documented("POST", "/missions/{mission_id}/cancel", client.post(f"/missions/{mission}/cancel"))


def test_errors_answer_as_documented(client: httpx.Client, mission: str) -> None:
    report = "/missions/{mission_id}/report"
    for expected, method, path, answer in (
        (400, "POST", "/missions", client.post("/missions", json={"question": "", "what": 1})),
        (413, "POST", "/missions", client.post("/missions", content=b" " * 2_000_000, headers={"Content-Type": "application/json"})),
        (422, "POST", "/missions", client.post("/missions", json={"question": "Wie hoch ist der Mittelwert der Punkte?"})),
        (400, "GET", "/missions", client.get("/missions", params={"limit": "many"})),
        (404, "GET", "/missions/{mission_id}", client.get("/missions/m_none")),
        (404, "GET", report, client.get(f"/missions/{mission}/report")),
        (400, "GET", report, client.get(f"/missions/{mission}/report", params={"format": "pdf"})),
        (409, "DELETE", "/missions/{mission_id}", client.delete(f"/missions/{mission}")),
        (404, "POST", "/missions/{mission_id}/cancel", client.post("/missions/m_none/cancel")),
        (404, "GET", "/missions/{mission_id}/events", client.get("/missions/m_none/events")),
    ):
        assert as_documented(method, path, answer).status_code == expected, answer.text


def test_every_operation_takes_the_query_parameters_that_are_documented() -> None:
    documented = {(o.method, o.path): {str(p["name"]) for p in o.parameters if p["in"] == "query"} for o in OPERATIONS if not o.any_query}
    taken = {(method, re.sub(r"<(\w+)>", r"{\1}", path)): query for (method, path), query in application.queries().items()}
    assert {operation: {*query} for operation, query in taken.items() if query is not None} == documented
    assert {path for (_, path), query in taken.items() if query is None} == {"/healthz", "/health"}


@pytest.mark.parametrize("path", ["/healthz", "/health"])
@pytest.mark.parametrize("query", ["x=1", "x=1&x=2", "1732789012", "=&&"])
def test_a_probe_may_add_what_it_likes_to_the_address(client: httpx.Client, path: str, query: str) -> None:
    assert as_documented("GET", path, client.get(f"{path}?{query}")).json()["status"] == "ok"


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if not o.any_query], ids=lambda o: f"{o.method} {o.path}")
def test_a_query_parameter_that_an_operation_does_not_have_is_refused(client: httpx.Client, mission: str, operation: Operation) -> None:
    path = operation.path.format(mission_id=mission, name="a")
    query = {str(p["name"]): "1" for p in operation.parameters if p["in"] == "query"}
    answer = client.request(operation.method, path, params={**query, "staus": "DONE"}, json={} if operation.body else None)
    found = as_documented(operation.method, operation.path, answer).json()
    assert (answer.status_code, found["code"]) == (400, "invalid_fields")
    assert found["fields"] == [f"staus: {operation.method} {path} has no such query parameter"]
    known = {*found["remedy"].removeprefix("It has ").rstrip(".").split(", ")}
    assert known == (set(query) or {"none"})
    assert client.get(f"/missions/{mission}").json()["cancel_requested"] is False, "what is refused does nothing"


TWICE = [(operation, str(p["name"])) for operation in OPERATIONS for p in operation.parameters if p["in"] == "query"]


@pytest.mark.parametrize(("operation", "name"), TWICE, ids=lambda o: f"{o.method} {o.path}" if isinstance(o, Operation) else o)
def test_a_query_parameter_that_is_given_twice_is_refused(client: httpx.Client, mission: str, operation: Operation, name: str) -> None:
    path = operation.path.format(mission_id=mission, name="a")
    answer = client.request(operation.method, path, params=[(name, "1"), (name, "2")])
    found = as_documented(operation.method, operation.path, answer).json()
    assert (answer.status_code, found["code"]) == (400, "invalid_fields")
    assert found["fields"] == [f"{name}: the query parameter is given 2 times"]


def test_what_is_given_twice_and_what_there_is_not_are_told_together(client: httpx.Client) -> None:
    found = client.get("/missions", params=[("limit", "1"), ("staus", "DONE"), ("limit", "1"), ("staus", "DONE")]).json()
    assert found["fields"] == ["staus: GET /missions has no such query parameter", "limit: the query parameter is given 2 times"]


BODIES = {
    "POST /missions": ('{"question": "How many rows are there?", "question": "How many stations are there?"}', "question"),
    "POST /dead-letters/{name}/discard": ('{"why": "done by hand", "wh\\u0079": "not needed"}', "why"),
}
"""What would do, with one key twice."""


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.body], ids=lambda o: f"{o.method} {o.path}")
def test_a_body_with_a_key_twice_is_refused(client: httpx.Client, runtime: Runtime, operation: Operation) -> None:
    keep(runtime.documents, "t", route="intake/deliver", payload={}, error="no answer", deliveries=20, at=runtime.clock.now())
    body, key = BODIES[f"{operation.method} {operation.path}"]
    path, json = operation.path.format(name="t"), {"Content-Type": "application/json"}
    answer = client.request(operation.method, path, content=body, headers=json)
    found = as_documented(operation.method, operation.path, answer).json()
    assert (answer.status_code, found["code"], found["fields"]) == (400, "invalid_fields", [f"{key}: the key is written twice"])
    assert client.get("/missions").json()["missions"] == [], "what is refused does nothing"
    assert client.get("/dead-letters/t").json()["status"] == "kept"


def test_a_key_of_a_part_of_the_body_is_refused_where_it_stands_there_twice(client: httpx.Client) -> None:
    body = '{"question": "How many rows are there?", "budget": {"cap_usd": "0.10", "cap_usd": "9"}}'
    answer = as_documented("POST", "/missions", client.post("/missions", content=body, headers={"Content-Type": "application/json"}))
    assert answer.json()["fields"] == ["cap_usd: the key is written twice"]


def test_the_report_in_each_format_and_the_deletion_answer_as_documented(client: httpx.Client, runtime: Runtime, mission: str) -> None:
    publish(runtime, mission)
    for form in ("md", "html", "json"):
        path = "/missions/{mission_id}/report"
        assert as_documented("GET", path, client.get(f"/missions/{mission}/report", params={"format": form})).status_code == 200
    assert as_documented("DELETE", "/missions/{mission_id}", client.delete(f"/missions/{mission}")).status_code == 200


def test_two_versions_and_their_difference_answer_as_documented(client: httpx.Client, runtime: Runtime, mission: str) -> None:
    path, address = "/missions/{mission_id}/report/changes", f"/missions/{mission}/report/changes"
    publish(runtime, mission)
    assert as_documented("GET", path, client.get(address)).status_code == 404
    publish(runtime, mission, version=2, flags=("late",))
    changes = as_documented("GET", path, client.get(address, params={"from": 1, "to": 2})).json()["changes"]
    assert {"what": "flag", "change": "added", "about": "", "before": None, "after": "late"} in changes
    assert as_documented("GET", path, client.get(address, params={"from": 9})).status_code == 404


def test_dead_letters_answer_as_documented(client: httpx.Client, runtime: Runtime) -> None:
    keep(runtime.documents, "t", route="intake/deliver", payload={}, error="no answer", deliveries=20, at=runtime.clock.now())
    one, again = "/dead-letters/{name}", {"again": "true"}
    for expected, method, path, answer in (
        (200, "GET", "/dead-letters", client.get("/dead-letters")),
        (400, "GET", "/dead-letters", client.get("/dead-letters", params={"status": "lost"})),
        (404, "GET", "/dead-letters", client.get("/dead-letters", params={"after": "none"})),
        (200, "GET", one, client.get("/dead-letters/t")),
        (404, "GET", one, client.get("/dead-letters/none")),
        (200, "POST", f"{one}/discard", client.post("/dead-letters/t/discard", json={"why": "done by hand"})),
        (400, "POST", f"{one}/discard", client.post("/dead-letters/t/discard", json={})),
        (200, "POST", f"{one}/replay", client.post("/dead-letters/t/replay")),
        (409, "POST", f"{one}/replay", client.post("/dead-letters/t/replay")),
        (400, "POST", f"{one}/replay", client.post("/dead-letters/t/replay", params={"again": "maybe"})),
        (200, "POST", f"{one}/replay", client.post("/dead-letters/t/replay", params=again)),
    ):
        assert as_documented(method, path, answer).status_code == expected, answer.text


@pytest.mark.parametrize(
    ("name", "fits"), [("t", True), ("lost", True), ("dispatch-m_1-1 é", True), ("", False), ("a/b", False), ("/", False)]
)
def test_the_names_of_dead_letters_fit_their_documented_pattern(client: httpx.Client, runtime: Runtime, name: str, fits: bool) -> None:
    keep(runtime.documents, "t", route="intake/deliver", payload={}, error="no answer", deliveries=20, at=runtime.clock.now())
    answer = as_documented("GET", "/dead-letters", client.get("/dead-letters", params={"after": name}))
    assert answer.status_code == (200 if name == "t" else 404)
    for method, path, parameter in (("get", "/dead-letters", "after"), ("get", "/dead-letters/{name}", "name")):
        (schema,) = (p["schema"] for p in DOCUMENT["paths"][path][method]["parameters"] if p["name"] == parameter)
        assert jsonschema.Draft202012Validator(schema).is_valid(name) == fits


def test_who_is_not_known_is_told_so_everywhere(tmp_path: Path) -> None:
    built = Runtime(Settings(home=tmp_path / "owned", owners={"ann": "0" * 64}))
    try:
        with httpx.Client(transport=httpx.WSGITransport(app=public_app(built)), base_url="http://localhost") as stranger:
            for operation in OPERATIONS:
                if operation.path not in ("/healthz", "/health", "/openapi.json"):
                    path = operation.path.replace("{mission_id}", "m_1").replace("{name}", "a")
                    answer = stranger.request(operation.method, path, json={} if operation.body else None)
                    assert as_documented(operation.method, operation.path, answer).status_code == 401
    finally:
        built.close()


def publish(runtime: Runtime, mission_id: str, *, version: int = 1, flags: tuple[str, ...] = ()) -> None:
    """End the mission with a report, as fusion and the workflow do."""
    now = runtime.clock.now()
    outcome = MissionOutcomePackage(
        version=version,
        kind="final",
        flags=flags,
        status="not_answered",
        question="How many rows are there?",
        answer=("Not answered.",),
        trust=Trust(tier="extractive", verified=0, unverified=0),
        provenance=Provenance(mission_id=mission_id, version=version, created_at=now),
    )
    texts = {"json": outcome.model_dump_json(), "md": "# Report", "html": "<h1>Report</h1>"}
    uris = {form: runtime.artifacts.put(f"missions/{mission_id}/r{version}.{form}", text.encode()).uri for form, text in texts.items()}
    report = ReportVersion(
        version=version, kind="final", outcome_uri=uris["json"], markdown_uri=uris["md"], html_uri=uris["html"], created_at=now
    )

    def decide(current: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
        reports = (*current.reports, report)
        ended = {"status": MissionStatus.DONE, "fusion_status": FusionStatus.FINAL, "reports": reports, "ended_at": now}
        return Change(current.model_copy(update=ended))

    runtime.missions.change(mission_id, "test", decide)
