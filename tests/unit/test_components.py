"""The components that tests run against: found and working, or said to be missing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest

from infra.local.emulated import component, ports
from infra.local.emulated.cloud_sdk import FirestoreEmulator, PubSubEmulator
from infra.local.emulated.component import Component, Missing, answers_http
from infra.local.emulated.neo4j import Neo4jServer
from infra.local.emulated.supervising import Supervisor
from shared.errors import Unavailable
from tests.support.components import missing


def test_a_missing_component_skips_on_a_persons_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="a teapot is missing on this machine: buy one"):
        missing("a teapot", "buy one")


def test_a_missing_component_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="a teapot is missing"):
        missing("a teapot", "buy one")


def test_the_firestore_emulator_keeps_a_document_until_it_is_cleared(firestore_emulator: FirestoreEmulator) -> None:
    document = f"http://{firestore_emulator.address}/v1/projects/components/databases/(default)/documents/teapots/one"
    with urllib.request.urlopen(urllib.request.Request(document, data=b'{"fields": {}}', method="PATCH")) as answer:
        assert answer.status == 200

    firestore_emulator.clear("components")

    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(document)


def test_bubblewrap_runs_a_command_without_a_network(bubblewrap: Path) -> None:
    devices = subprocess.run(
        [bubblewrap, "--unshare-all", "--ro-bind", "/", "/", "cat", "/proc/net/dev"], capture_output=True, text=True, check=True
    ).stdout
    assert "eth" not in devices


def test_the_pubsub_emulator_takes_a_topic(pubsub_emulator: PubSubEmulator) -> None:
    topic = f"http://{pubsub_emulator.address}/v1/projects/components/topics/teapots"
    with urllib.request.urlopen(urllib.request.Request(topic, b"{}", {"Content-Type": "application/json"}, method="PUT")) as answer:
        assert answer.status == 200


@pytest.mark.neo4j
def test_the_password_of_a_neo4j_server_may_begin_with_a_dash(tmp_path: Path) -> None:
    """One of 64 that are made does, and what sets it must not take it for an option."""
    server = Neo4jServer(tmp_path)
    (tmp_path / "password").write_text(f"-{server.password}")
    try:
        server.command()
    except Missing as error:
        missing(server.name, error.remedy)
    assert (tmp_path / "data" / "dbms" / "auth.ini").is_file()


def test_a_component_that_ends_at_once_is_said_to_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"(?s)teapot ended with 7\..*short and stout"):
        _Teapot(tmp_path, "echo short and stout; exit 7").start()


def test_a_component_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from tests.unit.test_components import _Teapot
print(_Teapot(Path({str(tmp_path)!r}), "exec python3 -m http.server --bind 127.0.0.1 $PORT").start().pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    bound = time.monotonic() + 10
    while Path(f"/proc/{child.stdout.strip()}").exists():
        assert time.monotonic() < bound
        time.sleep(0.02)


class _Teapot(Component):
    name = "teapot"

    def __init__(self, home: Path, script: str) -> None:
        super().__init__(home)
        self._script = script

    def command(self) -> Sequence[str]:
        return ("sh", "-c", self._script.replace("$PORT", str(self.port)))

    def serves(self) -> bool:
        return answers_http(self.port)


@pytest.mark.parametrize(("first", "lowest", "highest"), [(12_000, 10_000, 11_999), (1_024, 1_024, 65_535)])
def test_a_free_port_is_none_that_a_connection_could_get(monkeypatch: pytest.MonkeyPatch, first: int, lowest: int, highest: int) -> None:
    monkeypatch.setattr(ports, "_first_of_connections", lambda: first)
    assert all(lowest <= ports.free_port() <= highest for _ in range(50)), "but where connections get nearly all ports"


def test_a_port_that_was_given_is_given_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server listens there only later: another one that got there first was taken for it."""
    first = ports.free_port()
    monkeypatch.setattr("secrets.randbelow", lambda _: first - 10_000)
    assert ports.free_port() != first
    program = f"""
import secrets
from infra.local.emulated import ports
secrets.randbelow = lambda _: {first - 10_000}
print(ports.free_port())
"""
    assert int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout) != first


def test_a_server_whose_port_another_one_has_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component, "_PORT_LIMIT_S", 0.2)
    serving = f"exec {sys.executable} -m http.server $PORT --bind 127.0.0.1"
    with _Teapot(tmp_path / "first", serving) as first:
        second = _Teapot(tmp_path / "second", serving)
        second.port = first.port
        with pytest.raises(Unavailable, match="another program does"):
            second.start()


def test_a_server_that_was_started_again_while_it_was_stopped_stays_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would end it, and it would keep the port from whoever comes after it."""
    teapot = _Teapot(tmp_path, f"exec {sys.executable} -m http.server $PORT --bind 127.0.0.1")
    waits = subprocess.Popen.wait
    first = teapot.start().pid

    def and_starts_again(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        code = waits(process, timeout)
        if process.pid == first and teapot.pid is None:
            teapot.start()
        return code

    monkeypatch.setattr(subprocess.Popen, "wait", and_starts_again)
    teapot.stop()
    assert teapot.pid not in (None, first)
    teapot.stop()
    assert teapot.pid is None


def test_a_defect_of_looking_after_components_does_not_end_them(tmp_path: Path) -> None:
    """All of them had been stopped, and whoever served with them heard nothing."""
    teapot = _Teapot(tmp_path, f"exec {sys.executable} -m http.server $PORT --bind 127.0.0.1")
    heard: SimpleQueue[Component] = SimpleQueue()

    def restarted(component: Component) -> None:
        heard.put(component)
        raise RuntimeError("oops")

    with Supervisor([[teapot]], restarted=restarted):
        for _ in range(2):
            teapot.kill()
            assert heard.get(timeout=30) is teapot
        assert teapot.serves()
