"""The ``WorkflowExecutions`` port, on every adapter: the runner called directly, the official client against its executions API, and
worker processes.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from infra.local.executions import DirectExecutions
from infra.local.workflows import Limits, load
from infra.local.workflows.executions_grpc import ExecutionsGrpcServer
from infra.local.workflows.service import Record, Service
from shared.adapters.google_executions import GoogleExecutions
from shared.adapters.resilience import Patience
from shared.documents import JsonMap
from shared.endpoints import is_on_this_machine
from shared.errors import BadInput, Unavailable
from shared.executions import ExecutionState, WorkflowAddress, WorkflowExecutions
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.gateway import Gateway, Way
from tests.support.resilient import executions as google
from tests.support.resilient import patient
from tests.support.worker_pool import worker_pool

FLOW = """
main:
  params: [a]
  steps:
    - choose:
        switch:
          - {condition: '${a.do == "return"}', next: done}
          - {condition: '${a.do == "raise"}', raise: {code: 7, message: too late}}
    - wait: {call: sys.sleep, args: {seconds: 3600}}
    - done: {return: ['${a}', '${sys.get_env("GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID")}']}
"""
T = TypeVar("T")
UNKNOWN_PLACE = WorkflowAddress("projects/p/locations/l/workflows/flow", "127.0.0.1:9")


@pytest.fixture
def service() -> Iterator[Service]:
    limits = Limits(concurrent_executions=2, backlog=1)
    with Service({"flow": load(FLOW)}, limits=limits) as made:
        yield made


@pytest.fixture(params=["direct", "official client, Unix socket", "official client, loopback port"])
def connect(request: pytest.FixtureRequest, service: Service, tmp_path: Path) -> Iterator[Callable[[str], WorkflowExecutions]]:
    """Gives the executions of the workflow of that name."""
    if request.param == "direct":
        yield lambda workflow: DirectExecutions(lambda: service, workflow)
        return
    where = f"unix:{tmp_path / 's'}" if "Unix" in request.param else "127.0.0.1:0"
    opened: list[GoogleExecutions] = []

    def official(workflow: str) -> GoogleExecutions:
        opened.append(google(WorkflowAddress(service.parent(workflow), server.address)))
        return opened[-1]

    with ExecutionsGrpcServer(service, where) as server:
        yield official
        for executions in opened:
            executions.close()


@pytest.fixture
def served(connect: Callable[[str], WorkflowExecutions]) -> WorkflowExecutions:
    """Those of one service, which the test can look into."""
    return connect("flow")


@pytest.fixture(params=["direct", "official client", "worker processes"])
def executions(request: pytest.FixtureRequest, service: Service, tmp_path: Path) -> Iterator[WorkflowExecutions]:
    """Any, seen by the port alone."""
    if request.param == "direct":
        yield DirectExecutions(lambda: service, "flow")
    elif request.param == "official client":
        with ExecutionsGrpcServer(service) as server:
            official = google(WorkflowAddress(service.parent("flow"), server.address))
            yield official
            official.close()
    else:
        (tmp_path / "flow.yaml").write_text(FLOW)
        with worker_pool(Settings(home=tmp_path / "home", workers=2), workflow=tmp_path / "flow.yaml") as pool:
            yield pool


def record(service: Service, name: str) -> Record:
    return service.get(f"{service.parent('flow')}/executions/{name}")


def start(executions: WorkflowExecutions, do: str) -> str:
    return executions.start({"do": do}, {})


def ended(executions: WorkflowExecutions, name: str) -> ExecutionState:
    """How it has ended; half a minute is far more than it takes."""
    until = time.monotonic() + 30
    while (state := executions.state(name)) is ExecutionState.ACTIVE:
        assert time.monotonic() < until, f"{name} has not ended"
        time.sleep(0.01)
    return state


def test_the_argument_arrives_as_it_was_and_the_name_is_what_the_workflow_reads(served: WorkflowExecutions, service: Service) -> None:
    argument: JsonMap = {"do": "return", "text": "é \"'\n\u2028", "n": 2**53, "none": None, "list": [1.5, True, {}]}
    name = served.start(argument, {})
    assert record(service, name).execution.wait(10).result == [argument, name]


def test_its_labels_are_kept_with_it(served: WorkflowExecutions, service: Service) -> None:
    labels = {"mission_id": "m_01kr-x", "epoch": "3"}
    assert dict(record(service, served.start({"do": "return"}, labels)).execution.labels) == labels


def test_one_that_waits_in_the_backlog_is_active_too_and_above_it_none_is_taken(served: WorkflowExecutions) -> None:
    names = [start(served, "wait") for _ in range(3)]
    assert {served.state(name) for name in names} == {ExecutionState.ACTIVE}
    with pytest.raises(Unavailable, match="executions"):
        start(served, "wait")


def test_a_workflow_that_is_not_deployed_is_named(connect: Callable[[str], WorkflowExecutions]) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        connect("nowhere").start({}, {})


def test_an_execution_is_active_until_it_has_ended(executions: WorkflowExecutions) -> None:
    waiting, done, failed = start(executions, "wait"), start(executions, "return"), start(executions, "raise")
    assert [ended(executions, name) for name in (done, failed)] == [ExecutionState.SUCCEEDED, ExecutionState.FAILED]
    assert executions.state(waiting) is ExecutionState.ACTIVE


def test_a_cancelled_one_has_ended(executions: WorkflowExecutions) -> None:
    name = start(executions, "wait")
    executions.cancel(name)
    assert ended(executions, name) is ExecutionState.CANCELLED


def test_nothing_happens_to_one_that_has_ended_or_is_not_known(executions: WorkflowExecutions) -> None:
    name = start(executions, "return")
    assert ended(executions, name) is ExecutionState.SUCCEEDED
    executions.cancel(name)
    executions.cancel("none")
    assert executions.state(name) is ExecutionState.SUCCEEDED


def test_of_one_that_is_not_known_nothing_is_concluded(executions: WorkflowExecutions) -> None:
    assert executions.state("none") is ExecutionState.UNKNOWN


def test_every_start_that_arrives_starts_one(executions: WorkflowExecutions) -> None:
    names = [start(executions, "return") for _ in range(2)]
    assert names[0] != names[1]
    assert [ended(executions, name) for name in names] == [ExecutionState.SUCCEEDED] * 2


def test_an_argument_above_the_limit_is_the_callers_mistake(executions: WorkflowExecutions) -> None:
    with pytest.raises(BadInput, match="32768"):
        executions.start({"do": "x" * 40_000}, {})


class TestEndpoint:
    """What only the client meets: a service that is not there, or says nothing."""

    def test_one_that_cannot_be_reached_is_named_by_every_call(self) -> None:
        executions = google(UNKNOWN_PLACE, patience=Patience(failures=50))
        for call in (lambda: executions.start({}, {}), lambda: executions.state("x"), lambda: executions.cancel("x")):
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 cannot be reached"):
                call()
        executions.close()

    def test_one_that_never_answers_is_given_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            endpoint = f"127.0.0.1:{silent.getsockname()[1]}"
            executions = google(WorkflowAddress(UNKNOWN_PLACE.workflow, endpoint), patience=Patience(timeout_s=0.2))
            with pytest.raises(Unavailable, match=endpoint):
                executions.start({}, {})
            executions.close()

    def test_one_that_comes_back_is_found_again(self, service: Service, tmp_path: Path) -> None:
        where = f"unix:{tmp_path / 's'}"
        executions = google(WorkflowAddress(service.parent("flow"), where), patience=Patience(reset_s=0.2))
        with ExecutionsGrpcServer(service, where):
            name = start(executions, "wait")
        with pytest.raises(Unavailable):
            executions.state(name)
        with ExecutionsGrpcServer(service, where):
            assert _persistently(lambda: executions.state(name)) is ExecutionState.ACTIVE
        executions.close()

    def test_one_that_stays_away_is_left_alone_until_a_probe_finds_it(self, service: Service) -> None:
        clock = FrozenClock()
        with ExecutionsGrpcServer(service) as server, Gateway(server.address, Way.DEAD) as gate:
            executions = google(WorkflowAddress(service.parent("flow"), gate.address), patience=Patience(reset_s=20), clock=clock)
            for _ in range(5):
                with pytest.raises(Unavailable, match="cannot be reached"):
                    executions.start({}, {})
            with pytest.raises(Unavailable, match=f"{gate.address} failed 5 times in a row and is left alone") as left_alone:
                start(executions, "wait")
            gate.become(Way.OPEN)
            clock.advance(left_alone.value.retry_after_s or 0)
            name = _persistently(lambda: _started(executions, clock))
            assert executions.state(name) is ExecutionState.ACTIVE
            executions.close()
        assert len(service.of_workflow(service.parent("flow"))) == 1

    def test_nothing_is_asked_or_imported_before_the_first_call(self) -> None:
        asked: list[int] = []

        def address() -> WorkflowAddress:
            asked.append(1)
            return UNKNOWN_PLACE

        executions = GoogleExecutions(address, resilience=patient())
        executions.close()
        assert asked == []

    @pytest.mark.parametrize(
        ("endpoint", "expected"),
        [
            ("unix:/run/s", True),
            ("localhost:8711", True),
            ("127.0.0.1:8711", True),
            ("[::1]:8711", True),
            ("workflowexecutions.googleapis.com:443", False),
            ("localhost.example.com:443", False),
            ("10.0.0.1:8711", False),
            ("http://127.0.0.1:8711/v2", True),
            ("http://[::1]:8711", True),
            ("http://localhost.example.com:80", False),
            ("https://example.com/127.0.0.1:80", False),
            ("http://localhost:80@example.com/", False),
        ],
    )
    def test_only_this_machine_is_called_without_credentials_and_encryption(self, endpoint: str, expected: bool) -> None:
        assert is_on_this_machine(endpoint) is expected

    def test_without_credentials_google_is_not_called_and_the_remedy_is_told(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        executions = google(WorkflowAddress(UNKNOWN_PLACE.workflow))
        with pytest.raises(Unavailable, match="application-default login"):
            executions.state("x")


def test_an_execution_that_is_created_while_the_answer_is_lost_runs_and_the_next_start_makes_another(service: Service) -> None:
    """Why ``lifecycle/claim`` decides: the API has no request id that would let it recognise the second one."""
    with ExecutionsGrpcServer(service) as server, _Cut(server.address) as cut:
        lost = google(WorkflowAddress(service.parent("flow"), cut.address), patience=Patience(timeout_s=5))
        with pytest.raises(Unavailable):
            start(lost, "wait")
        lost.close()
        again = google(WorkflowAddress(service.parent("flow"), server.address))
        start(again, "wait")
        again.close()
        assert [json.loads(r.argument) for r in service.of_workflow(service.parent("flow"))] == [{"do": "wait"}] * 2


def _started(executions: WorkflowExecutions, clock: FrozenClock) -> str:
    """The name of a new one, by a probe: the circuit lets one through each time."""
    clock.advance(20)
    return start(executions, "wait")


def _persistently(call: Callable[[], T]) -> T:
    """Its answer, once the client has connected again."""
    for _ in range(100):
        try:
            return call()
        except Unavailable:
            threading.Event().wait(0.1)
    return call()


class _Cut:
    """A way to ``target`` that carries what is sent and cuts the connection when the answer to the call would come back."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                inside, _ = self._listening.accept()
            except OSError:
                return
            with inside, socket.create_connection(self._target) as outside:
                sending = threading.Thread(target=self._send, args=(inside, outside), daemon=True)
                sending.start()
                while data := outside.recv(65_536):
                    if b"/executions/" in data:  # the answer holds the execution's name
                        break
                    inside.sendall(data)
                for end in (inside, outside):
                    end.shutdown(socket.SHUT_RDWR)
                sending.join()

    @staticmethod
    def _send(inside: socket.socket, outside: socket.socket) -> None:
        try:
            while data := inside.recv(65_536):
                outside.sendall(data)
        except OSError:
            return  # it was cut

    def __enter__(self) -> _Cut:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)
