"""Connectors: pages connectors, reference/googleapis, reference/googleapis/workflowexecutions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.local.workflows import (
    ArgumentError,
    DefinitionError,
    FastClock,
    HttpRequest,
    HttpResponse,
    Limits,
    Outcome,
    State,
    TransportError,
    load,
)
from infra.local.workflows.command import run_file
from infra.local.workflows.connector_http import HttpConnector, discovered
from infra.local.workflows.connectors import Connector
from infra.local.workflows.executions_api import serve
from infra.local.workflows.mock_files import mock_set
from infra.local.workflows.mocks import MockError
from infra.local.workflows.service import Service
from infra.local.workflows.transport import Transport
from infra.local.workflows.values import Json
from tests.support.outcomes import tags

CALL = """
main:
  params: [args]
  steps:
    - call: {call: googleapis.store.v1.items.get, args: '${args}', result: r}
    - done: {return: '${r}'}
"""
RUN = "googleapis.workflowexecutions.v1.projects.locations.workflows.executions"


class Api:
    """Answers in order, the last answer for ever."""

    def __init__(self, *answers: Json | Exception, status: int = 200) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.status = status

    def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return HttpResponse(answer)
        return HttpResponse(self.status, {"content-type": "application/json"}, json.dumps(answer).encode())


class Tokens:
    def token(self, kind: str, audience: str, scopes: tuple[str, ...]) -> str:
        return f"{kind}:{','.join(scopes)}"


def run(
    api: Transport | None, args: Json, *connectors: tuple[str, Connector], text: str = CALL, tokens: Tokens | None = None
) -> tuple[Outcome, float]:
    clock = FastClock(0)
    with Service({}, transport=api, clock=clock, connectors=connectors, token_source=tokens) as service:
        return service.runner.start(load(text), args, execution_id="x").wait(10), clock.now()


def http(method: str, url: str) -> tuple[str, Connector]:
    return "googleapis.store.v1.items.get", HttpConnector(method, url)


class TestHttp:
    def test_arguments_go_into_the_path_the_body_and_the_query(self) -> None:
        api = Api({"ok": 1})
        args: Json = {"name": "a/b", "bucket": "x y", "limit": 3, "body": {"k": 1}, "connector_params": {"scopes": ["s1", "s2"]}}
        outcome, _ = run(api, args, http("POST", "http://emulator/v1/{bucket}/{+name}"), tokens=Tokens())
        assert outcome.result == {"ok": 1}
        (request,) = api.requests
        assert (request.method, request.url, request.query) == ("POST", "http://emulator/v1/x%20y/a/b", (("limit", "3"),))
        assert json.loads(request.body or b"") == {"k": 1}
        assert request.headers["Authorization"] == "Bearer OAuth2:s1,s2"

    def test_an_argument_that_the_path_needs(self) -> None:
        outcome, _ = run(Api({}), {}, http("GET", "http://emulator/{name}"))
        assert outcome.error is not None and "needs the argument 'name'" in outcome.error.context

    def test_a_get_is_retried_as_an_idempotent_request_and_a_post_is_not(self) -> None:
        outcome, took = run(Api(502, 503, {"ok": 1}), {}, http("GET", "http://emulator/x"))
        assert (outcome.result, took) == ({"ok": 1}, 2.25)
        outcome, took = run(Api(502, {"ok": 1}), {}, http("POST", "http://emulator/x"))
        assert (outcome.state, took) == (State.FAILED, 0)

    def test_a_long_running_operation_is_waited_for_with_growing_pauses(self) -> None:
        running: Json = {"name": "operations/7", "done": False}
        api = Api(running, running, running, {"name": "operations/7", "done": True, "response": {"made": 1}})
        outcome, took = run(api, {}, http("POST", "http://emulator/v1/things"))
        assert (outcome.result, took) == ({"made": 1}, 1 + 1.25 + 1.25**2)
        assert [request.url for request in api.requests][1:] == ["http://emulator/v1/operations/7"] * 3

    def test_an_operation_of_the_compute_kind(self) -> None:
        link = "https://compute.googleapis.com/compute/v1/projects/p/operations/o"
        api = Api(
            {"kind": "compute#operation", "name": "o", "status": "RUNNING", "selfLink": link},
            {"kind": "compute#operation", "name": "o", "status": "DONE", "selfLink": link},
        )
        outcome, _ = run(api, {}, http("POST", "http://emulator/compute/v1/x"))
        assert outcome.state is State.SUCCEEDED
        assert api.requests[1].url == "http://emulator/compute/v1/projects/p/operations/o"

    def test_a_polling_policy_of_ones_own_and_none(self) -> None:
        running: Json = {"name": "operations/7"}
        done: Json = {"name": "operations/7", "done": True, "response": 5}
        policy: Json = {"connector_params": {"polling_policy": {"initial_delay": 10, "multiplier": 2, "max_delay": 15}}}
        assert run(Api(running, running, running, done), policy, http("POST", "http://e/v1/x"))[1] == 40
        skipped, took = run(Api(running), {"connector_params": {"skip_polling": True}}, http("POST", "http://e/v1/x"))
        assert (skipped.result, took) == (running, 0)

    def test_an_operation_that_fails(self) -> None:
        failed: Json = {"name": "operations/7", "done": True, "error": {"code": 9, "message": "no room"}}
        outcome, _ = run(Api(failed), {}, http("POST", "http://e/v1/x"))
        assert outcome.error is not None
        error = {"code": 9, "message": "no room"}
        assert outcome.error.payload == {"message": "no room", "tags": ["OperationError"], "operation": failed, "error": error}

    def test_a_poll_that_answers_with_something_else(self) -> None:
        """Page: connectors, "Long-running operations"."""
        outcome, _ = run(Api({"name": "operations/7"}, "not an operation"), {}, http("POST", "http://e/v1/x"))
        assert tags(outcome) == ["ResponseTypeError"]

    def test_the_timeout_counts_for_the_whole_call(self) -> None:
        outcome, took = run(Api({"name": "operations/7"}), {"connector_params": {"timeout": 100}}, http("POST", "http://e/v1/x"))
        assert outcome.error is not None and "TimeoutError" in outcome.error.context
        assert took == 100

    @pytest.mark.parametrize("params", [{"timeout": 0}, {"timeout": 1e9}, {"waits": 1}, {"polling_policy": {"delay": 1}}, 3, {"scopes": 4}])
    def test_wrong_connector_params(self, params: Json) -> None:
        outcome, _ = run(Api({}), {"connector_params": params}, http("GET", "http://e/x"))
        assert outcome.state is State.FAILED

    def test_a_whole_api_from_its_discovery_document(self) -> None:
        document: dict[str, Json] = {
            "servicePath": "store/v1/",
            "resources": {"items": {"methods": {"get": {"httpMethod": "GET", "path": "i/{id}"}}, "resources": {}}},
        }
        api = Api({"id": 3})
        outcome, _ = run(api, {"id": "3"}, *discovered("googleapis.store.v1", document, "http://emulator"))
        assert (outcome.result, api.requests[0].url) == ({"id": 3}, "http://emulator/store/v1/i/3")
        with pytest.raises(DefinitionError):
            discovered("googleapis.x.v1", {}, "http://emulator")

    def test_a_connection_that_fails_is_the_workflows_error(self) -> None:
        outcome, _ = run(Api(TransportError("ConnectionFailedError", "nobody there")), {}, http("POST", "http://e/x"))
        assert tags(outcome)[0] == "ConnectionFailedError"


class TestMocks:
    def test_results_and_errors_in_order(self) -> None:
        text = """
        - a: {call: googleapis.x.v1.get, result: a}
        - b: {try: {call: googleapis.x.v1.get}, except: {as: e, steps: [{c: {return: ['${a}', '${e}', '${sys.now()}']}}]}}
        """
        answers: list[Json] = [{"result": 5, "took": 60}, {"error": {"code": 404, "tags": ["HttpError"]}}]
        mocks = mock_set([{"call": "googleapis.x.*", "responses": answers}], "m")
        outcome, _ = run(None, None, *mocks.mock_connectors(), text=text)
        assert outcome.result == [5, {"code": 404, "tags": ["HttpError"]}, 60.0]

    def test_what_nothing_answers_is_named(self) -> None:
        outcome, _ = run(None, {}, *mock_set([{"call": "googleapis.y.*", "response": {"result": 1}}], "m").mock_connectors())
        assert outcome.error is not None and "googleapis.store.v1.items.get" in outcome.error.context

    def test_an_emulator_is_asked_although_requests_are_mocked(self, tmp_path: Path) -> None:
        with Service({"kid": load(BAD)}) as emulated, serve(emulated) as emulator:
            list_url = f"{emulator.url}/v1/{{+parent}}/executions"
            (tmp_path / "m.yaml").write_text(f"- {{call: googleapis.x.list, http: 'GET {list_url}'}}\n")
            call = "{call: googleapis.x.list, args: {parent: projects/local/locations/local/workflows/kid}, result: r}"
            (tmp_path / "f.yaml").write_text(f"- a: {call}\n- b: {{return: '${{r}}'}}\n")
            assert run_file(tmp_path / "f.yaml", mock=tmp_path / "m.yaml", timeout=10).as_json()["result"] == {}

    @pytest.mark.parametrize(
        "entry",
        [
            {"call": "x"},
            {"call": "x", "response": 5},
            {"call": "x", "response": {"result": 1, "status": 2}},
            {"call": "x", "response": {"error": 5}},
            {"call": "x", "http": "GET"},
            {"call": "x", "url": "y"},
            {"callback": "POST"},
            {"callback": "POST", "response": {"after": "soon"}},
            {"callback": "POST", "response": {"headers": 3}},
        ],
    )
    def test_mocks_that_say_nothing(self, entry: Json) -> None:
        with pytest.raises(MockError, match="mock 1"):
            mock_set([entry], "m.yaml")


KID = "main:\n  params: [a]\n  steps:\n    - nap: {call: sys.sleep, args: [3000]}\n    - r: {return: '${a.n + 1}'}\n"
BAD = "- r: {raise: {code: 5}}\n"


def executed(call: str) -> Outcome:
    flows = {"kid": load(KID), "bad": load(BAD), "parent": load(f"- a: {call}\n- b: {{return: '${{r}}'}}\n")}
    with Service(flows, clock=FastClock(0)) as service:
        return service.create(service.parent("parent")).execution.wait(10)


class TestExecutions:
    def test_run_gives_the_result_of_the_other_workflow(self) -> None:
        long = "connector_params: {timeout: 4000}"
        assert executed(f"{{call: {RUN}.run, args: {{workflow_id: kid, argument: {{n: 1}}, {long}}}, result: r}}").result == 2

    def test_run_times_out_after_half_an_hour(self) -> None:
        outcome = executed(f"{{call: {RUN}.run, args: {{workflow_id: kid, argument: {{n: 1}}}}, result: r}}")
        assert tags(outcome) == ["TimeoutError", "OSError"]

    def test_create_gives_the_execution_and_without_polling_at_once(self) -> None:
        argument = "'${json.encode_to_string({\"n\": 4})}'"
        body = f"parent: projects/p/locations/l/workflows/kid, body: {{argument: {argument}}}"
        ended = executed(f"{{call: {RUN}.create, args: {{{body}, connector_params: {{timeout: 4000}}}}, result: r}}").result
        assert isinstance(ended, dict) and (ended["state"], ended["result"]) == ("SUCCEEDED", "5")
        begun = executed(f"{{call: {RUN}.create, args: {{{body}, connector_params: {{skip_polling: true}}}}, result: r}}").result
        assert isinstance(begun, dict) and begun["state"] == "ACTIVE"
        nothing = executed(f"{{call: {RUN}.run, args: {{workflow_id: kid, connector_params: {{skip_polling: true}}}}, result: r}}")
        assert (nothing.state, nothing.result) == (State.SUCCEEDED, None)

    @pytest.mark.parametrize(("call", "tag"), [(f"{RUN}.run", "OperationError"), ("experimental.executions.run", "ExecutionError")])
    def test_an_execution_that_fails(self, call: str, tag: str) -> None:
        outcome = executed(f"{{call: {call}, args: {{workflow_id: bad}}, result: r}}")
        assert outcome.error is not None
        payload = outcome.error.payload
        assert isinstance(payload, dict) and payload["tags"] == [tag]
        assert json.loads(payload["operation"]["error"]["payload"]) == {"code": 5}  # type: ignore[index,call-overload,arg-type]  # as the page shows it

    def test_map_gives_the_results_of_executions_that_run_at_the_same_time(self) -> None:
        """Page: stdlib/experimental.executions/map."""
        call = "experimental.executions.map"
        args = "workflow_id: kid, arguments: [{n: 1}, {n: 5}], timeout: 3100"
        assert executed(f"{{call: {call}, args: {{{args}}}, result: r}}").result == [2, 6]
        late = executed(f"{{call: {call}, args: {{workflow_id: kid, arguments: [{{n: 1}}]}}, result: r}}")  # half an hour
        assert tags(late) == ["TimeoutError", "OSError"]
        bad = executed(f"{{call: {call}, args: {{workflow_id: bad, arguments: [1, 2]}}, result: r}}")
        assert tags(bad) == ["ExecutionError"]

    @pytest.mark.parametrize(("said", "state"), [("", "FAILED"), (", disableConcurrencyQuotaOverflowBuffering: false", "SUCCEEDED")])
    def test_an_execution_from_a_workflow_waits_in_the_backlog_only_if_asked(self, said: str, state: str) -> None:
        """Page: troubleshooting, "HTTP 429"."""
        body = f"parent: projects/p/locations/l/workflows/bad, body: {{argument: '1'{said}}}, connector_params: {{skip_polling: true}}"
        flows = {"bad": load(BAD), "parent": load(f"- a: {{call: {RUN}.create, args: {{{body}}}, result: r}}\n")}
        with Service(flows, clock=FastClock(0), limits=Limits(concurrent_executions=1)) as service:
            assert service.create(service.parent("parent")).execution.wait(10).state == state

    def test_get_list_and_cancel(self) -> None:
        flows: dict[str, str] = {
            "kid": KID,
            "parent": f"""
- made:
    call: {RUN}.create
    args: {{parent: projects/local/locations/local/workflows/kid, connector_params: {{skip_polling: true}}}}
    result: r
- stop: {{call: {RUN}.cancel, args: {{name: '${{r.name}}'}}}}
- breathe: {{call: sys.sleep, args: [1]}}
- look: {{call: {RUN}.get, args: {{name: '${{r.name}}'}}, result: one}}
- many: {{call: {RUN}.list, args: {{parent: projects/local/locations/local/workflows/kid}}, result: all}}
- done: {{return: ['${{one.state}}', '${{len(all.executions)}}']}}
""",
        }
        with Service({name: load(text) for name, text in flows.items()}, clock=FastClock(0)) as service:
            assert service.create(service.parent("parent")).execution.wait(10).result == ["CANCELLED", 1]

    def test_a_workflow_that_is_not_there(self) -> None:
        outcome = executed(f"{{call: {RUN}.run, args: {{workflow_id: none}}, result: r}}")
        assert outcome.error is not None
        payload = outcome.error.payload
        assert isinstance(payload, dict) and (payload["code"], payload["tags"]) == (404, ["HttpError"])


def test_an_argument_that_is_too_large_is_refused() -> None:
    with Service({}) as service, pytest.raises(ArgumentError):
        service.runner.start(load(BAD), "x" * 40_000, execution_id="x")
