"""One request for a report, delivered twice at once: the execution that asked goes on, and the report is made once (invariants 2 and 3).

Where both come to one process, the second waits for the first; where they come to two, the second takes over.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.local.api import MissionsApi
from infra.local.drills import promises
from infra.local.drills.drill import Scene
from infra.local.drills.missions import Asked
from infra.local.drills.standin import Reply, StandIn
from infra.local.drills.standin import requests as model
from infra.local.drills.standin.playing import plays_well
from infra.local.functions import internal_app
from infra.local.platform import Platform
from schemas.mission import FusionStatus, MissionStatus
from shared.documents import Query
from shared.missions.records import JOURNAL
from shared.models.rows import JournalRow, RowState
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.waiting import until, until_ended

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Doubling:
    """A network that delivers the first request for a report once more when ``midway`` is set; its answer waits for that of the second.

    ``elsewhere``: the instance that the second one comes to, where it is not the same.
    """

    def __init__(self, app: WSGIApplication, elsewhere: WSGIApplication | None = None) -> None:
        self.midway = threading.Event()
        self.twice = threading.Event()
        self.answers: list[tuple[str, str]] = []
        """Of each delivery of the request, in the order of their ends: which one it was, and its status."""
        self._app = app
        self._elsewhere = elsewhere or app
        self._pool = ThreadPoolExecutor(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/fusion/fuse":
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        if self.answers:
            return self._deliver("again", environ, body, start_response)
        twin = self._pool.submit(self._late_twin, dict(environ), body)
        answer = self._deliver("first", dict(environ), body, start_response)
        twin.result(timeout=60)
        return answer

    def _late_twin(self, environ: WSGIEnvironment, body: bytes) -> None:
        assert self.midway.wait(60), "the report's model was never asked"
        self.twice.set()
        self._deliver("twin", environ, body, lambda status, headers, error=None: lambda data: None)

    def _deliver(self, which: str, environ: WSGIEnvironment, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *_: object) -> object:
            self.answers.append((which, status.split()[0]))
            return start_response(status, headers)

        app = self._elsewhere if which == "twin" else self._app
        return [b"".join(app({**environ, "wsgi.input": io.BytesIO(body)}, start))]  # type: ignore[arg-type] # no error is told


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with StandIn() as running:
        plays_well(running)
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.mark.slow
def test_a_report_that_two_processes_are_asked_for_at_once_is_made_once_by_the_execution_that_asked(
    standin: StandIn, tmp_path: Path, bubblewrap: Path
) -> None:
    networks: list[Doubling] = []

    def doubled(runtime: Runtime) -> WSGIApplication:
        networks.append(Doubling(internal_app(runtime), internal_app(other)))
        return networks[0]

    settings = Settings(home=tmp_path / "home", endpoint_parallel=2)
    other = Runtime(settings)
    with closing(other), Platform(settings, command="test", functions=doubled) as platform:

        def rows(role: str) -> list[JournalRow]:
            found = map(JournalRow.read, platform.runtime.documents.query(Query(JOURNAL)))
            return [row for row in found if row.account == "fusion" and row.role == role]

        words = standin.behaviour("WriterAnswer")

        def word_late(asked: model.Asked) -> Reply:
            """The first delivery hears it only after the second one has given its request up."""
            if not networks[0].midway.is_set():
                networks[0].midway.set()
                until(lambda: [row for row in rows("fusion_writer") if row.state is RowState.UNKNOWN])
            reply = words(asked)
            assert isinstance(reply, Reply)
            return reply

        standin.always("WriterAnswer", word_late)
        api = MissionsApi.in_process(platform.public, None)
        mission_id = api.submit(Asked().upload(api, tmp_path / "files")).mission_id
        ended = until_ended(platform, mission_id)

        assert networks[0].answers == [("first", "503"), ("twin", "200"), ("again", "200")]
        assert (ended.status, ended.fusion_status, ended.epoch) == (MissionStatus.DONE, FusionStatus.FINAL, 1)
        assert [report.version for report in ended.reports] == [1]
        events = api.events(mission_id)
        assert "mission.restarted" not in {event.kind for event in events}
        asked = sorted(rows("fusion_writer"), key=lambda row: row.send)
        assert [row.state for row in asked] == [RowState.UNKNOWN, RowState.ANSWERED]
        assert [row.state for row in rows("fusion_filler")] == [RowState.ANSWERED], "the first delivery bought it for the second, too"

        scene = Scene(tmp_path)
        costs = api.costs_of_mission(mission_id, by="track")
        promises.once(scene, api.state(mission_id), events)
        promises.bought_once(scene, costs, standin)
        promises.within_caps(scene, costs)
        assert [(check.promise, check.seen) for check in scene.checks if not check.kept] == []
        assert platform.runtime.audit.verify().breaks == ()


@pytest.mark.slow
def test_a_report_that_one_process_is_asked_for_twice_at_once_is_waited_for_and_no_model_is_asked_again(
    standin: StandIn, tmp_path: Path, bubblewrap: Path
) -> None:
    """As the workflow does whose call has ended after three minutes, while a slow model still words the report."""
    networks: list[Doubling] = []

    def doubled(runtime: Runtime) -> WSGIApplication:
        networks.append(Doubling(internal_app(runtime)))
        return networks[0]

    words = standin.behaviour("WriterAnswer")

    def word_late(asked: model.Asked) -> Reply:
        networks[0].midway.set()
        assert networks[0].twice.wait(60)
        standin.stopped.wait(1)
        reply = words(asked)
        assert isinstance(reply, Reply)
        return reply

    standin.always("WriterAnswer", word_late)
    with Platform(Settings(home=tmp_path / "home"), command="test", functions=doubled) as platform:
        api = MissionsApi.in_process(platform.public, None)
        mission_id = api.submit(Asked().upload(api, tmp_path / "files")).mission_id
        ended = until_ended(platform, mission_id)
        rows = [JournalRow.read(found) for found in platform.runtime.documents.query(Query(JOURNAL))]

    assert sorted(networks[0].answers) == [("first", "200"), ("twin", "200")], "the second one may be told first that the report stands"
    assert (ended.status, [report.version for report in ended.reports]) == (MissionStatus.DONE, [1])
    assert {row.state for row in rows if row.account == "fusion"} == {RowState.ANSWERED}
