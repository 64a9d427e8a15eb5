"""The sandbox service as a process of its own, and what its client makes of it when things go wrong."""

from __future__ import annotations

import json
import os
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from infra.local.emulated.sandbox import SandboxService
from infra.local.emulated.supervising import Supervisor
from schemas.sandbox import SandboxLink
from shared.adapters.remote_sandbox import RemoteSandbox
from shared.artifacts import ArtifactStore
from shared.clock import Clock, SystemClock
from shared.errors import BadInput, Busy, Corrupt, KimeraError, NotFound, SandboxUnavailable, TooLarge, Unavailable
from shared.runtime import Runtime
from shared.sandbox import SandboxInput, SandboxJob, SandboxLimits, SandboxResult, ScopedSandbox
from shared.sandbox_wire import request_of
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.link_server import QuietHandler, linked_artifacts, serving
from tests.support.sandbox_service import GROUP, linked_store, remote, require_isolation, sandbox_service
from tests.support.sandboxes import SMALL, recorded

__all__ = ["linked_store", "sandbox_service"]

pytestmark = [GROUP, pytest.mark.bubblewrap]


@contextmanager
def kept_running(folder: Path) -> Iterator[SandboxService]:
    """A service of the test's own, started again whenever it ends."""
    service = SandboxService(folder / "service")
    with Supervisor([[service]]):
        yield service


def record_one(sandbox: RemoteSandbox, scope: str, folder: Path) -> dict[str, object]:
    return recorded(ScopedSandbox(sandbox, scope).run(SandboxJob("record('x', 1)", limits=SMALL), outputs_to=folder))


# --- one mission in an instance's life -------------------------------------------------------------------------------------------


def post(service: SandboxService, scope: str) -> tuple[int, dict[str, object]]:
    """(status, problem or nothing): one request, as it is."""
    body = request_of(SandboxJob("record('x', 1)", limits=SMALL), (), scope).model_dump_json().encode()
    request = urllib.request.Request(f"{service.url}/run", data=body, headers={"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            return answer.status, {}
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_an_instance_refuses_a_second_mission_and_ends_and_a_fresh_one_takes_it(tmp_path: Path) -> None:
    require_isolation()
    with kept_running(tmp_path) as service, linked_artifacts(tmp_path / "store") as store:
        first = service.pid
        assert post(service, "missions/m_1")[0] == post(service, "missions/m_1")[0] == 200
        assert service.pid == first
        status, problem = post(service, "missions/m_2")
        assert (status, problem["code"]) == (503, "busy")
        assert record_one(remote(service, store), "missions/m_2", tmp_path / "second") == {"x": 1}
        assert service.pid not in (first, None)


def test_runs_without_a_scope_share_their_instance_with_nobody(tmp_path: Path) -> None:
    require_isolation()
    with kept_running(tmp_path) as service, linked_artifacts(tmp_path / "store") as store:
        pids = []
        for number in range(2):
            result = remote(service, store).run(SandboxJob("record('x', 1)", limits=SMALL), outputs_to=tmp_path / str(number))
            assert recorded(result) == {"x": 1}
            pids.append(service.pid)
        assert pids[0] != pids[1]


# --- inputs and outputs ----------------------------------------------------------------------------------------------------------


def test_an_artifact_is_linked_and_another_file_is_stored_with_its_mission(
    sandbox_service: SandboxService, linked_store: ArtifactStore, tmp_path: Path
) -> None:
    known = linked_store.put("inputs/o/known.csv", b"known")
    local, copy = tmp_path / "local", tmp_path / "copy"
    local.write_bytes(b"local")
    copy.write_bytes(b"a copy that is not looked at")
    script = "open('outputs/both', 'w').write(open(inputs['a']).read() + open(inputs['b']).read())"
    job = SandboxJob(script, inputs=(SandboxInput("a", copy, known.uri), SandboxInput("b", local)), limits=SMALL)
    result = ScopedSandbox(remote(sandbox_service, linked_store), "missions/m_contract").run(job, outputs_to=tmp_path / "outputs")
    assert [(file.name, file.path.read_bytes()) for file in result.outputs] == [("both", b"knownlocal")]
    assert [stored.size for stored in linked_store.list("missions/m_contract/sandbox-inputs/")] == [5]


@pytest.mark.parametrize(
    ("url", "size", "error"),
    [
        ("file:///etc/passwd", 4, BadInput),
        ("http://169.254.169.254/computeMetadata/v1/", 4, BadInput),
        ("{store}/redirect", 4, BadInput),
        ("{store}/other", 4, Corrupt),
        ("{store}/missing", 4, NotFound),
        ("{store}/data", 5, Corrupt),
        ("{store}/data", 1 << 31, TooLarge),
    ],
)
def test_an_input_that_is_not_what_was_announced_is_refused_by_its_error(
    sandbox_service: SandboxService, linked_store: ArtifactStore, tmp_path: Path, url: str, size: int, error: type[KimeraError]
) -> None:
    with serving(_Tempers) as server:
        address = url.replace("{store}", f"http://127.0.0.1:{server.server_port}")
        data = linked_store.put("inputs/o/data", b"data")

        class Linking(RemoteSandbox):
            def _link(self, name: str, uri: str) -> SandboxLink:
                return super()._link(name, uri).model_copy(update={"url": address, "size": size})

        sandbox = Linking(sandbox_service.url, linked_store, clock=SystemClock(), randomness=random.Random(1))
        job = SandboxJob("", inputs=(SandboxInput("a", tmp_path / "a", data.uri),), limits=SMALL)
        (tmp_path / "a").write_bytes(b"data")
        with pytest.raises(error, match="sandbox"):
            ScopedSandbox(sandbox, "missions/m_contract").run(job, outputs_to=tmp_path / "outputs")


class _Tempers(QuietHandler):
    def do_GET(self) -> None:
        self.send_response({"/redirect": 302, "/missing": 404}.get(self.path, 200))
        self.send_header("Location", "/data")
        self.end_headers()
        self.wfile.write({"/other": b"DATA", "/data": b"data"}.get(self.path, b""))


def test_a_file_of_many_megabytes_comes_back(sandbox_service: SandboxService, linked_store: ArtifactStore, tmp_path: Path) -> None:
    job = SandboxJob("open('outputs/big', 'wb').write(bytes(50_000_000))", limits=SandboxLimits(seconds=20, file_mb=64))
    result = ScopedSandbox(remote(sandbox_service, linked_store), "missions/m_contract").run(job, outputs_to=tmp_path / "outputs")
    assert [(file.size, file.path.stat().st_size) for file in result.outputs] == [(50_000_000, 50_000_000)]


# --- what breaks -----------------------------------------------------------------------------------------------------------------


def test_a_service_that_dies_in_a_run_is_asked_again(tmp_path: Path) -> None:
    require_isolation()
    with kept_running(tmp_path) as service, linked_artifacts(tmp_path / "store") as store:
        first, results = service.pid, list[SandboxResult]()
        script = "import os, time\nopen('outputs/o', 'w').write('x')\ntime.sleep(1.5)\nrecord('x', 1)"

        def run() -> None:
            job = SandboxJob(script, limits=SMALL)
            results.append(ScopedSandbox(remote(service, store), "missions/m").run(job, outputs_to=tmp_path / "outputs"))

        running = threading.Thread(target=run)
        running.start()
        running.join(0.7)
        service.kill()
        running.join()
        assert recorded(results[0]) == {"x": 1} and [file.name for file in results[0].outputs] == ["o"]
        assert service.pid != first


def test_a_service_that_cannot_isolate_says_why_and_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_isolation()
    leaky = tmp_path / "bin" / "bwrap"
    leaky.parent.mkdir()
    real = next(Path(folder) / "bwrap" for folder in os.environ["PATH"].split(":") if (Path(folder) / "bwrap").is_file())
    leaky.write_text(
        f'#!/bin/sh\na=$1; b=$2; [ "$a" = --args ] && {{ shift 2; exec {real} "$a" "$b" --share-net "$@"; }}; exec {real} "$@"\n'
    )
    leaky.chmod(0o755)
    monkeypatch.setenv("PATH", f"{leaky.parent}:{os.environ['PATH']}")
    with kept_running(tmp_path) as service, linked_artifacts(tmp_path / "store") as store:
        sandbox = remote(service, store)
        with pytest.raises(SandboxUnavailable, match="reaches the supervisor's machine"):
            sandbox.check()
        with pytest.raises(SandboxUnavailable, match="not isolated"):
            record_one(sandbox, "missions/m", tmp_path / "outputs")


def answering(status: int, body: bytes, media_type: str = "text/html") -> type[BaseHTTPRequestHandler]:
    """A server that says the same to everything."""

    class Stubborn(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

    return Stubborn


@pytest.fixture
def asking(linked_store: ArtifactStore, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Run a job at an address, on a clock that stands still."""

    def ask(url: str, clock: Clock | None = None) -> None:
        sandbox = RemoteSandbox(url, linked_store, clock=clock or FrozenClock(), randomness=random.Random(1))
        sandbox.run(SandboxJob("", limits=SMALL), outputs_to=tmp_path / "outputs")

    yield ask
    assert not list((tmp_path / "outputs").iterdir())


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (403, b"<html>Forbidden</html>", Unavailable, "roles/run.invoker"),
        (401, b"", Unavailable, "roles/run.invoker"),
        (404, b"<html>Not found</html>", Unavailable, "KIMERA_SANDBOX_URL"),
        (500, b"", Unavailable, "answers 500"),
        (302, b"", Unavailable, "answers 302"),
        (200, b"hello", Unavailable, "cannot be used"),
        (200, b"{}\n", Corrupt, "cannot be used"),
    ],
)
def test_what_stands_in_place_of_the_service_is_named_with_the_remedy(
    asking: Callable[[str], None], status: int, body: bytes, error: type[KimeraError], says: str
) -> None:
    with serving(answering(status, body)) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(error, match=says) as refused:
            asking(url)
        assert url in str(refused.value) or error is Corrupt or says == "cannot be used"


def test_a_service_without_room_is_asked_again_for_a_while(linked_store: ArtifactStore, tmp_path: Path) -> None:
    busy = {"type": "t", "title": "busy", "status": 503, "detail": "It runs another job.", "code": "busy", "remedy": "", "request_id": "r"}
    clock = FrozenClock()
    with serving(answering(503, json.dumps(busy).encode(), "application/problem+json")) as server:
        sandbox = RemoteSandbox(f"http://127.0.0.1:{server.server_port}", linked_store, clock=clock, randomness=random.Random(1))
        with pytest.raises(Busy, match="another job"):
            sandbox.run(SandboxJob("", limits=SMALL), outputs_to=tmp_path / "outputs")
    assert len(clock.slept) == 9 and len(set(clock.slept)) == 9 and sum(clock.slept) < 60


def test_nobody_there_is_unavailable_by_its_address(asking: Callable[[str], None]) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 cannot be reached.*KIMERA_SANDBOX_URL"):
        asking("http://127.0.0.1:1")


def test_elsewhere_than_on_this_machine_it_is_called_with_a_token_or_not_at_all(
    asking: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(Unavailable, match=r"identity token for https://sandbox\.example\.com"):
        asking("https://sandbox.example.com/")
    with pytest.raises(Unavailable, match="without TLS"):
        asking("http://sandbox.example.com")


def test_the_cloud_profile_runs_code_in_the_service_and_nowhere_else(
    sandbox_service: SandboxService, linked_store: ArtifactStore, tmp_path: Path
) -> None:
    cloud = {"profile": "cloud", "google_project": "p", "home": tmp_path}
    with pytest.raises(Unavailable, match="KIMERA_SANDBOX_URL"):
        Runtime(Settings.model_validate(cloud)).sandbox_of("m_1")
    runtime = Runtime(Settings.model_validate({**cloud, "sandbox_url": sandbox_service.url}))
    runtime.__dict__["artifacts"] = linked_store
    runtime.__dict__["tracing"] = Runtime(Settings(home=tmp_path)).tracing
    result = runtime.sandbox_of("m_contract").run(SandboxJob("record('x', 1)", limits=SMALL), outputs_to=tmp_path / "outputs")
    assert recorded(result) == {"x": 1}
