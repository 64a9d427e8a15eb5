"""``kimera workflows serve``: the executions API of definitions in files, as a process of its own."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.executions import ExecutionState
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.command import Ended, Kimera, Running, eventually

FLOWS = {
    "double.yaml": "main:\n  params: [a]\n  steps:\n"
    "    - say: {call: sys.log, args: {text: doubling}}\n    - done: {return: '${a.n * 2}'}\n",
    "approve.yaml": "- ask: {call: events.create_callback_endpoint, args: {http_callback_method: POST}, result: c}\n"
    "- wait: {call: events.await_callback, args: {callback: '${c}'}, result: r}\n- done: {return: '${r.http_request.body}'}\n",
    "fetch.yaml": "- get: {call: http.get, args: {url: 'https://api.example.com/x', auth: {type: OIDC}}, result: r}\n"
    "- done: {return: '${r.body + sys.get_env(\"MORE\")}'}\n",
    "mocks.yaml": "- {url: 'https://api.example.com/*', response: {body: answer}}\n",
    "wrong.yaml": "- start: {assign: [{total: '${totl + 1}'}], next: finsh}\n",
    "also.yaml": "main: [\n",
}


class Served:
    """A running ``kimera workflows serve`` and what it told."""

    def __init__(self, running: Running) -> None:
        assert running.process.stdout is not None
        running.line_with("Ctrl-C")
        self.running = running
        self.told: dict[str, Any] = json.loads(running.process.stdout.readline())
        self.url: str = f"{self.told['http']}/v1/"

    def create(self, workflow: str, argument: object = None) -> str:
        """The name of a new execution."""
        parent = self.told["workflows"][workflow]
        answer = httpx.post(f"{self.url}{parent}/executions", json={"argument": json.dumps(argument)})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["name"])

    def ended(self, name: str) -> dict[str, Any]:
        """The execution, once it has ended."""
        eventually(lambda: httpx.get(self.url + name).json()["state"] not in ("ACTIVE", "QUEUED"), f"{name} ended")
        found: dict[str, Any] = httpx.get(self.url + name).json()
        return found

    def stop(self, number: signal.Signals) -> Ended:
        self.running.process.send_signal(number)
        return self.running.ended()


@pytest.fixture
def kimera(tmp_path: Path) -> Kimera:
    for name, text in FLOWS.items():
        (tmp_path / name).write_text(text)
    return Kimera(tmp_path)


@contextmanager
def serving(kimera: Kimera, *arguments: str) -> Iterator[Served]:
    with kimera.started("workflows", "serve", *arguments, "--port", "0", "--json") as running:
        yield Served(running)


def test_definitions_are_deployed_under_their_files_names_and_run_over_http(kimera: Kimera) -> None:
    with serving(kimera, "double.yaml", "again=double.yaml") as served:
        assert {name: full.rpartition("/")[2] for name, full in served.told["workflows"].items()} == {"double": "double", "again": "again"}
        assert [served.ended(served.create(name, {"n": 21}))["result"] for name in ("double", "again")] == ["42", "42"]
        failed = served.ended(served.create("double", {}))
        assert failed["state"] == "FAILED" and "KeyError" in failed["error"]["payload"]
        ended = served.stop(signal.SIGTERM)
    assert ended.code == 0
    assert "log DEFAULT: doubling" in ended.err and "SUCCEEDED" in ended.err and "FAILED: " in ended.err


def test_a_callback_endpoint_is_on_the_same_server_and_a_stop_cancels_what_waits(kimera: Kimera) -> None:
    with serving(kimera, "approve.yaml") as served:
        first, second = served.create("approve"), served.create("approve")
        callbacks = f"{served.url}{first}/callbacks"
        eventually(lambda: bool(httpx.get(callbacks).json()["callbacks"]), "it made its endpoint")
        (endpoint,) = httpx.get(callbacks).json()["callbacks"]
        assert httpx.post(served.url + endpoint["name"], json={"approved": True}).status_code == 200
        assert json.loads(served.ended(first)["result"]) == {"approved": True}
        ended = served.stop(signal.SIGINT)
    assert ended.code == 0
    assert f"{second} CANCELLED" in ended.err and "cancelled" in ended.err


def test_mocks_answer_and_the_environment_is_given(kimera: Kimera) -> None:
    with serving(kimera, "fetch.yaml", "--mock", "mocks.yaml", "--env", "MORE=!") as served:
        assert served.ended(served.create("fetch"))["result"] == '"answer!"'


def test_the_platforms_own_client_reaches_it_by_its_settings(kimera: Kimera) -> None:
    with serving(kimera, "mission=double.yaml") as served:
        runtime = Runtime(Settings(workflows_endpoint=served.told["grpc"]))
        name = runtime.executions.start({"n": 2}, {"mission_id": "m_1"})
        eventually(lambda: runtime.executions.state(name) is ExecutionState.SUCCEEDED, "it succeeded")
        runtime.close()


def test_a_web_page_is_kept_away(kimera: Kimera) -> None:
    with serving(kimera, "double.yaml") as served:
        url = f"{served.url}{served.told['workflows']['double']}/executions"
        for foreign in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            refused = httpx.post(url, headers=foreign)
            assert (refused.status_code, refused.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
        assert httpx.get(url, headers={"Origin": "http://localhost:3000"}).json() == {}


@pytest.mark.parametrize("option", ["--port", "--grpc-port"])
def test_a_port_in_use_is_named_with_what_to_do(kimera: Kimera, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ports = {"--port": "0", "--grpc-port": "0"} | {option: port}
        ended = kimera("workflows", "serve", "double.yaml", *(word for pair in ports.items() for word in pair), "--json")
    assert ended.code == 3 and ended.json["error"]["code"] == "unavailable"
    assert ended.err.count("\n") == 1 and port in ended.err and "Address already in use" in ended.err and f"with {option}" in ended.err


def test_invalid_definitions_are_all_told_and_nothing_is_served(kimera: Kimera) -> None:
    ended = kimera("workflows", "serve", "double.yaml", "wrong.yaml", "also.yaml", "none.yaml", "--port", "0", "--json")
    assert ended.code == 2
    assert {problem["file"] for problem in ended.json["error"]["problems"]} == {"wrong.yaml", "also.yaml", "none.yaml"}
    assert "wrong.yaml:1:" in ended.err and "also.yaml:2:" in ended.err and "none.yaml" in ended.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("double.yaml", "double=approve.yaml"), "two files for the workflow double"),
        (("9=double.yaml",), "no name for a workflow"),
        (("double.yaml", "--env", "x"), "--env takes NAME=VALUE"),
        (("double.yaml", "--mock", "wrong.yaml"), "wrong.yaml"),
        (("double.yaml", "--mock", "none.yaml"), "none.yaml"),
        (("double.yaml", "--port", "99999"), "--port"),
        ((), "FILE"),
    ],
)
def test_other_bad_input(kimera: Kimera, arguments: tuple[str, ...], named: str) -> None:
    ended = kimera("workflows", "serve", *arguments, *(() if "--port" in arguments else ("--port", "0")))
    assert ended.code == 2 and named in ended.err and "Traceback" not in ended.err
