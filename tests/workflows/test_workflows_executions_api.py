"""The executions API: through the official client over gRPC, and over HTTP as the REST reference spells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import grpc
import httpx
import pytest
from google.api_core import exceptions
from google.cloud.workflows import executions_v1
from google.cloud.workflows.executions_v1.services.executions.transports import ExecutionsGrpcTransport

from infra.local.workflows import FastClock, Limits, load
from infra.local.workflows.callbacks import Endpoints
from infra.local.workflows.executions_api import ExecutionsApi
from infra.local.workflows.executions_grpc import ExecutionsGrpcServer
from infra.local.workflows.service import Service, ServiceError

FLOWS = {
    "double": "main:\n  params: [a]\n  steps:\n    - done: {return: '${a.n * 2}'}\n",
    "fails": "- check: {raise: {code: 7, message: too late}}\n",
    "waits": "- c: {call: events.create_callback_endpoint, args: {}, result: c}\n"
    "- here: {call: events.await_callback, args: {callback: '${c}'}, result: r}\n- end_: {return: '${r.http_request.body}'}\n",
    "name": "- r: {return: '${sys.get_env(\"GOOGLE_CLOUD_WORKFLOW_ID\")}'}\n",
}
PARENT = "projects/local/locations/local/workflows"
V1 = "http://api/v1"
SUCCEEDED, FAILED = executions_v1.Execution.State.SUCCEEDED, executions_v1.Execution.State.FAILED
ACTIVE, QUEUED = executions_v1.Execution.State.ACTIVE, executions_v1.Execution.State.QUEUED
CANCELLED = executions_v1.Execution.State.CANCELLED


@pytest.fixture
def service() -> Iterator[Service]:
    flows = {name: load(text) for name, text in FLOWS.items()}
    with Service(flows, callbacks=Endpoints(lambda: "http://api"), limits=Limits(concurrent_executions=2, backlog=1)) as made:
        yield made


@pytest.fixture
def client(service: Service) -> Iterator[executions_v1.ExecutionsClient]:
    with ExecutionsGrpcServer(service) as server, grpc.insecure_channel(server.address) as channel:
        yield executions_v1.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.WSGITransport(app=ExecutionsApi(service))) as made:
        yield made


class TestOfficialClient:
    def test_an_execution_is_created_and_its_result_read(self, service: Service, client: executions_v1.ExecutionsClient) -> None:
        created = client.create_execution(
            parent=f"{PARENT}/double", execution=executions_v1.Execution(argument='{"n": 21}', labels={"team": "a-1"})
        )
        service.get(created.name).execution.wait(10)
        got = client.get_execution(name=created.name)
        assert (got.state, got.result, got.argument, dict(got.labels)) == (SUCCEEDED, "42", '{"n": 21}', {"team": "a-1"})
        assert got.end_time >= got.start_time
        assert [(step.routine, step.step) for step in got.status.current_steps] == [("main", "done")]

    def test_a_failure_shows_payload_context_and_the_place(self, service: Service, client: executions_v1.ExecutionsClient) -> None:
        created = client.create_execution(parent=f"{PARENT}/fails")
        service.get(created.name).execution.wait(10)
        got = client.get_execution(name=created.name)
        assert (got.state, json.loads(got.error.payload)) == (FAILED, {"code": 7, "message": "too late"})
        assert got.error.context == 'too late\nin step "check", routine "main", line: 1'
        (element,) = got.error.stack_trace.elements
        assert (element.step, element.routine, element.position.line) == ("check", "main", 1)

    def test_a_view_without_details_leaves_them_out(self, service: Service, client: executions_v1.ExecutionsClient) -> None:
        created = client.create_execution(parent=f"{PARENT}/double", execution=executions_v1.Execution(argument='{"n": 1}'))
        service.get(created.name).execution.wait(10)
        basic = client.get_execution(request={"name": created.name, "view": executions_v1.ExecutionView.BASIC})
        assert (basic.state, basic.result, basic.argument) == (SUCCEEDED, "", "")

    def test_what_is_above_the_limit_waits_in_the_backlog_until_there_is_room(
        self, service: Service, client: executions_v1.ExecutionsClient
    ) -> None:
        names = [client.create_execution(parent=f"{PARENT}/waits").name for _ in range(3)]
        assert [client.get_execution(name=name).state for name in names] == [ACTIVE, ACTIVE, QUEUED]
        with pytest.raises(exceptions.ResourceExhausted):
            client.create_execution(parent=f"{PARENT}/waits")
        assert client.cancel_execution(name=names[0]).state == CANCELLED
        assert [client.get_execution(name=name).state for name in names] == [CANCELLED, ACTIVE, ACTIVE]

    def test_a_list_comes_in_pages_newest_first(self, service: Service, client: executions_v1.ExecutionsClient) -> None:
        names = []
        for n in range(5):
            names.append(
                client.create_execution(parent=f"{PARENT}/double", execution=executions_v1.Execution(argument=json.dumps({"n": n}))).name
            )
            service.get(names[-1]).execution.wait(10)
        pages = list(client.list_executions(request={"parent": f"{PARENT}/double", "page_size": 2}).pages)
        assert [len(page.executions) for page in pages] == [2, 2, 1]
        assert [execution.name for page in pages for execution in page.executions] == names[::-1]

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            (lambda c: c.get_execution(name=f"{PARENT}/double/executions/none"), exceptions.NotFound),
            (lambda c: c.create_execution(parent=f"{PARENT}/none"), exceptions.NotFound),
            (lambda c: list(c.list_executions(parent=f"{PARENT}/none")), exceptions.NotFound),
            (lambda c: c.create_execution(parent="double"), exceptions.InvalidArgument),
            (
                lambda c: c.create_execution(parent=f"{PARENT}/double", execution=executions_v1.Execution(argument="{")),
                exceptions.InvalidArgument,
            ),
            (
                lambda c: c.create_execution(
                    parent=f"{PARENT}/double", execution=executions_v1.Execution(argument='"' + "x" * 33_000 + '"')
                ),
                exceptions.InvalidArgument,
            ),
            (
                lambda c: c.create_execution(parent=f"{PARENT}/double", execution=executions_v1.Execution(labels={"Team": "a"})),
                exceptions.InvalidArgument,
            ),
        ],
    )
    def test_what_is_refused(
        self, client: executions_v1.ExecutionsClient, call: Callable[[executions_v1.ExecutionsClient], object], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            call(client)

    def test_an_execution_that_has_ended_cannot_be_cancelled(self, service: Service, client: executions_v1.ExecutionsClient) -> None:
        created = client.create_execution(parent=f"{PARENT}/fails")
        service.get(created.name).execution.wait(10)
        with pytest.raises(exceptions.FailedPrecondition):
            client.cancel_execution(name=created.name)


class TestRest:
    def test_the_same_in_json(self, service: Service, web: httpx.Client) -> None:
        made = web.post(f"{V1}/{PARENT}/double/executions", json={"argument": '{"n": 3}', "callLogLevel": "LOG_NONE"})
        assert made.status_code == 200
        name = made.json()["name"]
        service.get(name).execution.wait(10)
        got = web.get(f"{V1}/{name}").json()
        assert (got["state"], got["result"], got["callLogLevel"], got["duration"][-1]) == ("SUCCEEDED", "6", "LOG_NONE", "s")
        assert "result" not in web.get(f"{V1}/{name}", params={"view": "BASIC"}).json()

    def test_a_workflow_sees_the_name_it_is_registered_by(self, service: Service, web: httpx.Client) -> None:
        name = web.post(f"{V1}/{PARENT}/name/executions").json()["name"]
        assert service.get(name).execution.wait(10).result == "name"

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ('state="SUCCEEDED"', 3),
            ("state=FAILED", 0),
            ('labels.n="1"', 1),
            ('labels["n"]="2" AND state="SUCCEEDED"', 1),
            ('startTime > "2020-01-01T00:00:00Z"', 3),
            ("duration > 5s", 0),
        ],
    )
    def test_a_list_is_filtered(self, service: Service, web: httpx.Client, text: str, found: int) -> None:
        for n in range(3):
            service.create(f"{PARENT}/double", '{"n": 1}', labels={"n": str(n)}).execution.wait(10)
        answer = web.get(f"{V1}/{PARENT}/double/executions", params={"filter": text, "view": "FULL"})
        assert answer.status_code == 200, answer.text
        assert len(answer.json().get("executions", [])) == found

    def test_a_list_is_ordered(self, service: Service, web: httpx.Client) -> None:
        names = []
        for _ in range(3):
            names.append(service.create(f"{PARENT}/double", '{"n": 1}').name)
            service.get(names[-1]).execution.wait(10)
        answer = web.get(f"{V1}/{PARENT}/double/executions", params={"orderBy": "startTime asc"}).json()
        assert [execution["name"] for execution in answer["executions"]] == names

    @pytest.mark.parametrize(
        ("method", "path", "content", "status"),
        [
            ("GET", f"{PARENT}/double/executions/none", b"", 404),
            ("POST", f"{PARENT}/double/executions", b"{", 400),
            ("POST", f"{PARENT}/double/executions", b"[]", 400),
            ("POST", f"{PARENT}/double/executions", b'{"argument": {"n": 1}}', 400),
            ("POST", f"{PARENT}/double/executions", b'{"arguments": ""}', 400),
            ("GET", f"{PARENT}/double/executions?pageSize=-1", b"", 400),
            ("GET", f"{PARENT}/double/executions?pageToken=x", b"", 400),
            ("GET", f"{PARENT}/double/executions?filter=nonsense", b"", 400),
            ("GET", f"{PARENT}/double/executions?orderBy=colour", b"", 400),
            ("DELETE", f"{PARENT}/double/executions/x", b"", 404),
            ("GET", "", b"", 404),
        ],
    )
    def test_errors_are_those_of_google_apis(self, web: httpx.Client, method: str, path: str, content: bytes, status: int) -> None:
        answer = web.request(method, f"{V1}/{path}", content=content)
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error["code"] == status and error["status"] in ("NOT_FOUND", "INVALID_ARGUMENT") and error["message"]


def test_one_that_is_not_to_be_queued_is_refused_when_there_is_no_room(service: Service) -> None:
    for _ in range(2):
        service.create(f"{PARENT}/waits")
    with pytest.raises(ServiceError) as refused:
        service.create(f"{PARENT}/waits", buffered=False)
    assert refused.value.status == "RESOURCE_EXHAUSTED"


def test_executions_that_ended_are_forgotten_in_the_end() -> None:
    with Service({"fails": load(FLOWS["fails"])}, clock=FastClock(), kept=10) as service:
        names = [service.create(f"{PARENT}/fails") for _ in range(50) if not service.runner.full]
        for record in names:
            record.execution.wait(10)
        service.create(f"{PARENT}/fails")
        assert len(service.of_workflow(f"{PARENT}/fails")) <= 12
