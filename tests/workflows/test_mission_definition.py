"""``workflows/mission.yaml``: every path of it, against functions that answer as a test says. Time is virtual.

``workflows/mission.test.yaml`` holds the same definition to taking every step; ``test_workflows_cli.py`` runs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.workflows.clock import FastClock
from infra.local.workflows.definition import load
from infra.local.workflows.errors import TransportError
from infra.local.workflows.execution import Outcome, State
from infra.local.workflows.runner import Runner
from infra.local.workflows.transport import HttpRequest, HttpResponse
from infra.local.workflows.values import Json
from shared.times import FUNCTION_TIMEOUT_S, WORKFLOW_HTTP_TIMEOUT_S

DEFINITION = Path(__file__).parents[2] / "workflows" / "mission.yaml"
URLS = {f"{name.upper()}_URL": f"http://{name}" for name in ("lifecycle", "budget", "deep_research", "ds_star", "fusion")}
ARGUMENT: dict[str, Json] = {"mission_id": "m_1", "epoch": 2, "traceparent": "00-1-2-01"}
Body = dict[str, Json]
Reply = Body | int | Callable[[Body], "Body | int"]


def final(seq: int = 1) -> Body:
    return {"outcome": "FINAL", "next_seq": seq, "retry_after_s": 0, "track_status": "DONE"}


def onward(seq: int, wait: float = 0, outcome: str = "CONTINUE") -> Body:
    return {"outcome": outcome, "next_seq": seq, "retry_after_s": wait, "track_status": "RUNNING"}


class Functions:
    """All functions: each route answers its replies in order, the last one for ever. A number is an HTTP status."""

    def __init__(self, **replies: list[Reply]) -> None:
        track: dict[str, Json] = {"enabled": True, "attempt": 1, "seq": 0, "final": False}
        self.replies: dict[str, list[Reply]] = {
            "lifecycle/claim": [{"run": True, "status": "RUNNING", "tracks": {"deep_research": track, "ds_star": track}}],
            "lifecycle/advance": [{"status": "FUSION"}],
            "lifecycle/complete": [{"status": "DONE"}],
            "lifecycle/compensate": [{"status": "FAILED"}],
            "budget/gate": [{"action": "continue", "reason": ""}],
            "deep_research/step": [final()],
            "ds_star/step": [final()],
            "fusion/fuse": [{"version": 1, "mode": "final", "published": True}],
        }
        self.replies.update({route.replace("__", "/"): list(r) for route, r in replies.items()})
        self.calls: list[tuple[str, Body]] = []
        self.steps = 0

    def send(self, request: HttpRequest) -> HttpResponse:
        route = request.url.removeprefix("http://")
        body: Body = json.loads(request.body or b"{}")
        assert request.headers["traceparent"] == ARGUMENT["traceparent"]
        assert FUNCTION_TIMEOUT_S < request.timeout_s == WORKFLOW_HTTP_TIMEOUT_S
        self.calls.append((route, body))
        waiting = self.replies[route]
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if callable(reply):
            reply = reply(body)
        if reply == 0:
            raise TransportError("ConnectionError", "the connection was cut")
        if isinstance(reply, int):
            problem = json.dumps({"detail": f"status {reply}", "code": "x"}).encode()
            return HttpResponse(reply, {"content-type": "application/problem+json"}, problem)
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(reply).encode())

    def of(self, route: str) -> list[Body]:
        return [body for called, body in self.calls if called == route]


def run(functions: Functions, argument: Body | None = None) -> Outcome:
    class Token:
        def token(self, kind: str, audience: str, scopes: tuple[str, ...]) -> str:
            assert (kind, audience) == ("OIDC", audience.rstrip("/")) and audience in URLS.values()
            return "t"

    with Runner(transport=functions, clock=FastClock(), env=URLS, token_source=Token()) as runner:
        execution = runner.start(load(DEFINITION), argument or ARGUMENT, execution_id="x1")
        outcome = execution.wait(60)
        functions.steps = execution.steps
        return outcome


def test_both_tracks_run_then_one_final_report_then_the_end() -> None:
    functions = Functions(deep_research__step=[onward(1), onward(2), final(3)], ds_star__step=[onward(1), final(2)])
    outcome = run(functions)
    assert (outcome.state, outcome.result) == (State.SUCCEEDED, {"status": "DONE"})
    assert [b["seq"] for b in functions.of("deep_research/step")] == [0, 1, 2]
    assert [b["seq"] for b in functions.of("ds_star/step")] == [0, 1]
    assert [b["mode"] for b in functions.of("fusion/fuse")] == ["final"]
    assert functions.of("lifecycle/advance")[0]["to"] == "FUSION"
    everywhere = {(b["mission_id"], b["epoch"], b["execution"]) for _, b in functions.calls}
    assert everywhere == {("m_1", 2, "x1")}


def test_a_mission_of_five_rounds_and_five_slices_takes_at_most_110_steps() -> None:
    five: list[Reply] = [*(onward(n) for n in range(1, 5)), final(5)]
    functions = Functions(deep_research__step=list(five), ds_star__step=list(five))
    run(functions)
    assert functions.steps <= 110


def test_an_execution_that_is_not_the_missions_stops_silently() -> None:
    functions = Functions(lifecycle__claim=[{"run": False, "status": "RUNNING", "tracks": {}}])
    assert run(functions).state is State.SUCCEEDED
    assert len(functions.calls) == 1


def test_a_restart_goes_on_at_each_tracks_next_slice_and_leaves_out_what_is_final() -> None:
    claimed: dict[str, Json] = {
        "run": True,
        "status": "RUNNING",
        "tracks": {
            "deep_research": {"enabled": True, "attempt": 1, "seq": 4, "final": False},
            "ds_star": {"enabled": True, "attempt": 1, "seq": 3, "final": True},
        },
    }
    functions = Functions(lifecycle__claim=[claimed])
    run(functions)
    assert [b["seq"] for b in functions.of("deep_research/step")] == [4]
    assert functions.of("ds_star/step") == []


def test_a_busy_slice_is_asked_for_again_after_its_time() -> None:
    functions = Functions(ds_star__step=[onward(0, wait=2, outcome="BUSY"), final(1)])
    run(functions)
    assert [b["seq"] for b in functions.of("ds_star/step")] == [0, 0]


def test_a_track_that_waits_is_asked_for_its_next_slice() -> None:
    functions = Functions(deep_research__step=[onward(1, wait=15, outcome="WAIT"), final(2)])
    run(functions)
    assert [b["seq"] for b in functions.of("deep_research/step")] == [0, 1]


def test_the_gate_can_ask_for_a_partial_report_while_the_slow_track_goes_on() -> None:
    def gate(body: Body) -> Body:
        partial = body["track"] == "deep_research" and body["seq"] == 1
        return {"action": "fuse_partial" if partial else "continue", "reason": ""}

    functions = Functions(deep_research__step=[onward(1), final(2)], budget__gate=[gate])
    run(functions)
    assert [b["mode"] for b in functions.of("fusion/fuse")] == ["partial", "final"]
    assert [b["seq"] for b in functions.of("deep_research/step")] == [0, 1]


@pytest.mark.parametrize("slice_", [onward(1), onward(1, wait=15, outcome="WAIT"), onward(0, wait=2, outcome="BUSY")])
def test_a_stop_closes_the_track_with_what_there_is(slice_: Body) -> None:
    def step(body: Body) -> Body:
        return final(9) if "close" in body else slice_

    functions = Functions(deep_research__step=[step], budget__gate=[{"action": "stop", "reason": "cancelled"}])
    assert run(functions).state is State.SUCCEEDED
    assert functions.of("deep_research/step")[-1]["close"] == "cancelled"
    assert [b["mode"] for b in functions.of("fusion/fuse")] == ["final"]


@pytest.mark.parametrize("fault", [429, 502, 503, 504, 0])
def test_what_is_transient_is_retried(fault: int) -> None:
    functions = Functions(ds_star__step=[fault, fault, fault, final()])
    assert run(functions).result == {"status": "DONE"}
    assert len(functions.of("ds_star/step")) == 4


@pytest.mark.parametrize("fault", [400, 404, 422, 500])
def test_a_track_that_fails_for_good_is_recorded_and_the_other_ones_finding_is_fused(fault: int) -> None:
    functions = Functions(ds_star__step=[fault])
    assert run(functions).result == {"status": "DONE"}
    assert len(functions.of("ds_star/step")) == 1
    failed = functions.of("lifecycle/advance")[0]
    assert (failed["to"], failed["track"]) == ("TRACK_FAILED", "ds_star")
    assert failed["error"] == {"code": "track_failed", "message": f"status {fault}"}


@pytest.mark.parametrize(
    "route", ["ds_star/step", "deep_research/step", "budget/gate", "lifecycle/advance", "fusion/fuse", "lifecycle/complete"]
)
def test_a_stale_epoch_ends_the_execution_without_another_word(route: str) -> None:
    refused: dict[str, list[Reply]] = {route.replace("/", "__"): [409]}
    functions = Functions(**refused)
    outcome = run(functions)
    assert outcome.state is State.SUCCEEDED and outcome.result == "fenced"
    assert functions.of("lifecycle/compensate") == []


def test_a_fusion_that_fails_is_compensated_with_what_can_be_fused() -> None:
    def fuse(body: Body) -> Body | int:
        return 500 if body["mode"] == "final" else {"version": 1, "mode": "partial", "published": True}

    functions = Functions(fusion__fuse=[fuse])
    assert run(functions).result == {"status": "FAILED"}
    assert [b["mode"] for b in functions.of("fusion/fuse")] == ["final", "partial"]
    assert functions.of("lifecycle/compensate")[0]["error"] == {"code": "workflow_failed", "message": "status 500"}


def test_compensation_goes_on_where_nothing_can_be_fused() -> None:
    functions = Functions(fusion__fuse=[500])
    assert run(functions).result == {"status": "FAILED"}
    assert len(functions.of("lifecycle/compensate")) == 1


def test_a_connection_that_never_comes_back_is_described_by_its_message() -> None:
    functions = Functions(fusion__fuse=[0])
    run(functions)
    error = functions.of("lifecycle/compensate")[0]["error"]
    assert isinstance(error, dict) and error["message"]


def test_a_mission_that_is_given_up_only_fuses_what_there_is() -> None:
    functions = Functions()
    run(functions, {**ARGUMENT, "compensate_because": "5 executions in a row died"})
    assert functions.of("ds_star/step") == []
    assert [(b["to"], b["error"]) for b in functions.of("lifecycle/advance")] == [
        ("GIVEN_UP", {"code": "given_up", "message": "5 executions in a row died"})
    ]
    assert [b["mode"] for b in functions.of("fusion/fuse")] == ["partial"]
    assert functions.of("lifecycle/compensate")[0]["error"] == {"code": "workflow_failed", "message": "5 executions in a row died"}


def test_a_downgrade_of_an_older_gate_is_taken_for_a_continue() -> None:
    functions = Functions(ds_star__step=[onward(1), final(2)], budget__gate=[{"action": "downgrade", "reason": "60 % of the budget"}])
    assert run(functions) is not None
    assert [body["seq"] for body in functions.of("ds_star/step")] == [0, 1]
