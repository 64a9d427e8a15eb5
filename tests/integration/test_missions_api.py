"""The public API over its real application: what it accepts, what it refuses and how, and who may see what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.functions import public_app
from schemas.mission import MissionStatus
from shared.missions.repository import Change
from shared.runtime import Runtime
from shared.settings import Settings

ANN, BOB = "ann-token", "bob-token"  # pragma: allowlist secret
OWNERS = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in (("ann", ANN), ("bob", BOB))}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    made = Runtime(Settings(home=tmp_path_factory.mktemp("home"), owners=OWNERS))
    yield made
    made.close()


@pytest.fixture(scope="module")
def wsgi(runtime: Runtime) -> httpx.WSGITransport:
    return httpx.WSGITransport(app=public_app(runtime))


@pytest.fixture
def api(wsgi: httpx.WSGITransport) -> Iterator[httpx.Client]:
    with httpx.Client(transport=wsgi, base_url="http://localhost", headers={"Authorization": f"Bearer {ANN}"}) as client:
        yield client


@pytest.fixture
def table(api: httpx.Client) -> dict[str, object]:
    """An uploaded input."""
    stored = api.put("/inputs/a.csv", content=b"station,temp\nBern,3.5\nBasel,4.5\n")
    assert stored.status_code == 201
    return {"uri": stored.json()["uri"], "kind": "data", "name": "a.csv"}


def problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The problem document of a refused call; it names no path and shows no traceback."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    found: dict[str, object] = response.json()
    assert found["code"] == code and found["request_id"] == response.headers["x-request-id"] and found["detail"]
    assert "Traceback" not in response.text and "/main.py" not in response.text
    return found


def test_a_mission_is_accepted_once_for_each_idempotency_key(api: httpx.Client, table: dict[str, object]) -> None:
    body = {"question": "What is the mean temp by station?", "inputs": [table]}
    first = api.post("/missions", json=body, headers={"Idempotency-Key": "k1"})
    again = api.post("/missions", json=body, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["mission_id"] == again.json()["mission_id"]
    assert (first.json()["created"], again.json()["created"]) == (True, False)
    other = api.post("/missions", json={**body, "question": "What is the median temp?"}, headers={"Idempotency-Key": "k1"})
    problem(other, 409, "idempotency_mismatch")


def test_a_key_is_its_owners_own(api: httpx.Client, table: dict[str, object]) -> None:
    body = {"question": "What is the mean temp?", "inputs": [table]}
    mine = api.post("/missions", json=body, headers={"Idempotency-Key": "shared"}).json()["mission_id"]
    stored = api.put("/inputs/a.csv", content=b"x,y\n1,2\n", headers={"Authorization": f"Bearer {BOB}"}).json()
    body["inputs"] = [{**table, "uri": stored["uri"]}]
    theirs = api.post("/missions", json=body, headers={"Idempotency-Key": "shared", "Authorization": f"Bearer {BOB}"})
    assert theirs.status_code == 202 and theirs.json()["mission_id"] != mine


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"inputs": []}, "question"),
        ({"question": ""}, "question"),
        ({"question": "   "}, "question"),
        ({"question": "x" * 100_000}, "question"),
        ({"question": 7}, "question"),
        ({"question": "mean?", "colour": "red"}, "colour"),
        ({"question": "mean?", "tracks": {"ds_star": {"enabled": 0}}}, "tracks.ds_star.enabled"),
        ({"question": "mean?", "tracks": {"ds_star": {"max_rounds": "3"}}}, "tracks.ds_star.max_rounds"),
        ({"question": "mean?", "deadlines": {"soft_s": True}}, "deadlines.soft_s"),
        ({"question": "mean?", "budget": {"thresholds": ["0.5"]}}, "budget.thresholds.0"),
        ({"question": "mean?", "budget": {"cap_usd": -1}}, "budget.cap_usd"),
        ({"question": "mean?", "budget": {"cap_usd": 1e12}}, "budget.cap_usd"),
        ({"question": "mean?", "budget": {"cap_usd": "NaN"}}, "budget.cap_usd"),
        ({"question": "mean?", "tier": "platinum"}, "tier"),
        ({"question": "mean?", "deadlines": {"soft_s": 10, "hard_s": 5}}, "deadlines"),
        ({"question": "mean?", "knowledge_space": "../etc"}, "knowledge_space"),
        ({"question": "mean?", "tracks": {"ds_star": {"enabled": False}, "deep_research": {"enabled": False}}}, "tracks"),
        ({"question": "mean?", "inputs": [{"uri": "artifact:x", "kind": "data", "name": "../x"}]}, "inputs.0.name"),
        ({"question": "mean?", "inputs": [{"uri": "artifact:x", "kind": "data", "name": "\u202efdp.csv"}]}, "inputs.0.name"),
    ],
)
def test_a_wrong_field_is_named(api: httpx.Client, body: dict[str, object], field: str) -> None:
    found = problem(api.post("/missions", json=body), 400, "invalid_fields")
    assert isinstance(found["fields"], list) and any(str(wrong).startswith(field) for wrong in found["fields"])


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("BR", 415), ("gzip, identity", 415), ("Identity", 201), ("", 201)])
def test_a_file_is_uploaded_as_it_is_or_refused(api: httpx.Client, coding: str, status: int) -> None:
    answer = api.put("/inputs/coded.csv", content=b"x,y\n1,2\n", headers={"Content-Encoding": coding})
    assert answer.status_code == status and ("coded.csv" in answer.json().get("detail", answer.json().get("name")))


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000])
def test_a_body_that_is_no_request_is_refused(api: httpx.Client, raw: bytes) -> None:
    response = api.post("/missions", content=raw, headers={"Content-Type": "application/json"})
    problem(response, 400, "invalid_fields")


def test_a_body_over_the_limit_is_refused(api: httpx.Client) -> None:
    response = api.post("/missions", json={"question": "x" * 2_000_000})
    problem(response, 413, "too_large")


def test_a_body_that_is_not_json_is_refused(api: httpx.Client) -> None:
    problem(api.post("/missions", data={"question": "mean?"}), 415, "unsupported_media_type")


def test_a_tier_without_a_model_is_refused(api: httpx.Client, table: dict[str, object]) -> None:
    found = problem(api.post("/missions", json={"question": "mean temp?", "inputs": [table], "tier": "standard"}), 400, "bad_input")
    assert "extractive" in str(found["remedy"])


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ({"name": "openai:somebodys"}, 400, "bad_input"),
        ({"name": "openai:somebodys", "input_usd": 0, "output_usd": 0}, 400, "bad_input"),
    ],
)
def test_a_model_without_a_price_or_an_endpoint_is_refused_where_no_tier_is_named_too(
    api: httpx.Client, table: dict[str, object], model: dict[str, object], status: int, code: str
) -> None:
    problem(api.post("/missions", json={"question": "mean temp?", "inputs": [table], "model": model}), status, code)


def test_a_question_in_a_language_without_a_lexicon_is_refused(api: httpx.Client, table: dict[str, object]) -> None:
    body = {"question": "Quelle est la température moyenne pour chaque station dans les données ?", "inputs": [table]}
    problem(api.post("/missions", json=body), 422, "not_understood")


def test_a_mission_with_nothing_to_work_on_is_refused(api: httpx.Client) -> None:
    problem(api.post("/missions", json={"question": "What is the mean temp?"}), 400, "bad_input")


@pytest.mark.parametrize(
    "uri", ["file:///etc/passwd", "artifact:missions/m_1/x", "gs://b/o", "artifact:inputs/../../x", "http://127.0.0.1/"]
)
def test_only_ones_own_uploads_can_be_inputs(api: httpx.Client, uri: str) -> None:
    body = {"question": "What is the mean temp?", "inputs": [{"uri": uri, "kind": "data", "name": "a.csv"}]}
    problem(api.post("/missions", json=body), 400, "bad_input")


def test_somebody_elses_upload_cannot_be_an_input(api: httpx.Client, table: dict[str, object]) -> None:
    body = {"question": "What is the mean temp?", "inputs": [table]}
    problem(api.post("/missions", json=body, headers={"Authorization": f"Bearer {BOB}"}), 400, "bad_input")


def test_an_empty_upload_cannot_be_an_input(api: httpx.Client) -> None:
    uri = api.put("/inputs/empty.csv", content=b"").json()["uri"]
    body = {"question": "What is the mean temp?", "inputs": [{"uri": uri, "kind": "data", "name": "empty.csv"}]}
    found = problem(api.post("/missions", json=body), 400, "bad_input")
    assert "empty.csv" in str(found["detail"])


def test_a_mission_of_another_owner_reads_as_one_that_does_not_exist(api: httpx.Client, table: dict[str, object]) -> None:
    mission_id = api.post("/missions", json={"question": "What is the mean temp?", "inputs": [table]}).json()["mission_id"]
    bob = {"Authorization": f"Bearer {BOB}"}
    for method, path in [("GET", ""), ("GET", "/events"), ("GET", "/report"), ("POST", "/cancel"), ("DELETE", "")]:
        theirs = problem(api.request(method, f"/missions/{mission_id}{path}", headers=bob), 404, "not_found")
        nobodys = problem(api.request(method, f"/missions/m_nothere{path}", headers=bob), 404, "not_found")
        assert str(theirs["detail"]).replace(mission_id, "") == str(nobodys["detail"]).replace("m_nothere", "")
    assert mission_id not in api.get("/missions", headers=bob).text
    assert api.get(f"/missions/{mission_id}").json()["status"] == "PENDING"


@pytest.mark.parametrize("mission_id", ["nope", "..", "%2e%2e", "a" * 300, "m_1%2Fx", "m_1%00", "é", "__main__", "___"])
def test_an_id_that_does_not_exist_is_not_found(api: httpx.Client, mission_id: str) -> None:
    assert api.get(f"/missions/{mission_id}").status_code == 404


def test_a_caller_without_a_token_or_with_a_wrong_one_is_refused(api: httpx.Client) -> None:
    for header in ["", "Bearer wrong", "Basic x", "Bearer"]:
        found = problem(api.get("/missions", headers={"Authorization": header}), 401, "unauthenticated")
        assert ("does not know the token" in str(found["detail"])) == (header == "Bearer wrong")


def test_a_cancel_is_recorded_once_and_a_mission_that_runs_cannot_be_deleted(api: httpx.Client, table: dict[str, object]) -> None:
    mission_id = api.post("/missions", json={"question": "What is the mean temp?", "inputs": [table]}).json()["mission_id"]
    problem(api.delete(f"/missions/{mission_id}"), 409, "conflict")
    assert [api.post(f"/missions/{mission_id}/cancel").json()["cancel_requested"] for _ in range(2)] == [True, True]
    kinds = [event["kind"] for event in api.get(f"/missions/{mission_id}/events").json()["events"]]
    assert kinds == ["mission.created", "mission.cancel_requested"]


def test_the_list_is_paged_newest_first(api: httpx.Client, table: dict[str, object]) -> None:
    made = [
        api.post("/missions", json={"question": f"What is the mean temp {n}?", "inputs": [table]}).json()["mission_id"] for n in range(3)
    ]
    seen: list[str] = []
    after = ""
    while True:
        page = api.get(f"/missions?limit=2{after}").json()
        seen += [mission["mission_id"] for mission in page["missions"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) and set(made) <= set(seen) and seen == sorted(seen, reverse=True)


def test_the_list_of_one_status_leaves_the_others_out(runtime: Runtime, api: httpx.Client, table: dict[str, object]) -> None:
    """As `docs/deploying.md` says for the alert of missions that failed."""
    made = [
        api.post("/missions", json={"question": f"What is the mean temp {n}?", "inputs": [table]}).json()["mission_id"] for n in range(3)
    ]
    ended = {"status": MissionStatus.FAILED, "reason": "given up"}
    runtime.missions.change(made[1], "lifecycle", lambda mission, _: Change(mission.model_copy(update=ended)))

    def listed(status: str) -> set[str]:
        return {mission["mission_id"] for mission in api.get("/missions", params={"status": status}).json()["missions"]}

    assert listed("FAILED") == {made[1]} and listed("CANCELLED") == set()
    assert {made[0], made[2]} <= listed("PENDING") and made[1] not in listed("PENDING")
    problem(api.get("/missions", params={"status": "failed"}), 400, "bad_input")


def test_a_mission_that_ended_without_a_report_is_not_said_to_get_one(
    runtime: Runtime, api: httpx.Client, table: dict[str, object]
) -> None:
    request = {"question": "What is the mean temp of a failed mission?", "inputs": [table]}
    mission_id = api.post("/missions", json=request).json()["mission_id"]
    assert "no report yet" in str(problem(api.get(f"/missions/{mission_id}/report"), 404, "not_found")["detail"])
    ended = {"status": MissionStatus.FAILED, "reason": "given up"}
    runtime.missions.change(mission_id, "lifecycle", lambda mission, _: Change(mission.model_copy(update=ended)))
    told = problem(api.get(f"/missions/{mission_id}/report"), 404, "not_found")
    assert "none will come" in str(told["detail"]) and "kimera inspect" in str(told["remedy"])


@pytest.mark.parametrize("limit", ["0", "-1", "x", "501", "1e3", "٣"])
def test_an_absurd_limit_is_refused(api: httpx.Client, limit: str) -> None:
    problem(api.get("/missions", params={"limit": limit}), 400, "bad_input")


@pytest.mark.parametrize("after", ["", "_", "m_1/..", "é", "m" * 65])
def test_a_page_after_what_is_no_cursor_is_refused(api: httpx.Client, after: str) -> None:
    problem(api.get("/missions", params={"after": after}), 400, "bad_input")


def test_a_report_that_does_not_exist_yet_or_in_that_format_is_named(api: httpx.Client, table: dict[str, object]) -> None:
    mission_id = api.post("/missions", json={"question": "What is the mean temp?", "inputs": [table]}).json()["mission_id"]
    problem(api.get(f"/missions/{mission_id}/report"), 404, "not_found")
    problem(api.get(f"/missions/{mission_id}/report?format=exe"), 400, "bad_input")


def test_what_is_not_there_and_what_is_not_possible_there_are_told_apart(api: httpx.Client) -> None:
    problem(api.get("/nothing"), 404, "not_found")
    problem(api.post("/healthz"), 405, "method_not_allowed")
    assert api.get("/healthz").json()["status"] == "ok"


def test_internal_functions_are_not_reachable_from_outside(api: httpx.Client) -> None:
    for path in ["/lifecycle/reconcile", "/budget/gate", "/ds_star/step", "/fusion/fuse"]:
        assert api.post(path, json={}).status_code == 404


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Host": ""}])
def test_a_page_elsewhere_cannot_call_a_platform_on_this_machine(api: httpx.Client, headers: dict[str, str]) -> None:
    assert api.get("/missions", headers=headers).status_code == 403


def test_a_request_id_is_kept_if_it_is_harmless(api: httpx.Client) -> None:
    assert api.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert api.get("/healthz", headers={"X-Request-Id": "x" * 500}).headers["x-request-id"].startswith("r_")


def test_errors_are_json_a_program_can_read(api: httpx.Client) -> None:
    found = json.loads(api.get("/missions/none").text)
    assert set(found) == {"type", "title", "status", "detail", "code", "remedy", "request_id", "fields"}


def test_nothing_is_left_of_a_refused_upload(runtime: Runtime, api: httpx.Client) -> None:
    for name in ["..", "a%2Fb", "x" * 300, "%0a"]:
        assert api.put(f"/inputs/{name}", content=b"x").status_code in (400, 404)
    assert list(Path(runtime.home / "scratch").glob("*")) == []
