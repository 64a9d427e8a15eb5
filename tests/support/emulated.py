"""The emulated cloud for tests: started once for a session, with a stand-in for the models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from infra.local.api import MissionsApi
from infra.local.drills.standin import StandIn
from infra.local.drills.standin.playing import plays_well
from infra.local.emulated.cloud import INBOX, OUTBOX, PROJECT, EmulatedCloud
from infra.local.emulated.component import Component, Missing
from schemas.events import AuditEvent
from schemas.mission import MissionState
from shared.documents import DocumentStore, JsonMap
from shared.errors import KimeraError
from shared.settings import Settings
from tests.support.components import missing
from tests.support.resilient import firestore
from tests.support.waiting import until

EMULATED = (pytest.mark.emulated, pytest.mark.slow, pytest.mark.xdist_group("emulated"), pytest.mark.timeout(600))
"""Of each test on the emulated cloud: one worker starts it, and the start counts for the test that comes first."""


class EmulatedPlatform:
    """A running emulated cloud as its users and its operators see it."""

    def __init__(self, cloud: EmulatedCloud, home: Path, standin: StandIn) -> None:
        self.cloud = cloud
        self.home = home
        self.standin = standin
        self.api = MissionsApi.over_http(cloud.url, None)
        self._storage = httpx.Client(base_url=cloud.servers.storage.url, timeout=30)

    def upload(self, files: Mapping[str, tuple[str, str]]) -> list[JsonMap]:
        """The inputs of a mission: files by name, each with its kind and its text."""
        inputs: list[JsonMap] = []
        for name, (kind, text) in files.items():
            path = self.home / name
            path.write_text(text)
            stored = self.api.upload(path, name)
            inputs.append({"uri": stored.uri, "kind": kind, "name": name, "sha256": stored.sha256, "size": stored.size})
        return inputs

    def submit(self, question: str, files: Mapping[str, tuple[str, str]], **more: object) -> str:
        """The id of a new mission."""
        body = {"question": question, "inputs": self.upload(files), **more}
        return self.api.submit(body).mission_id  # type: ignore[arg-type] # what a test says is JSON

    def until(self, mission_id: str, enough: Callable[[MissionState], bool], *, seconds: float = 120) -> MissionState:
        """The mission's state once ``enough`` is true of it; an ``AssertionError`` that says where it stood if that takes longer.

        That the platform cannot answer for a while is an outage like any other.
        """
        bound = time.monotonic() + seconds
        state: MissionState | KimeraError | None = None
        while time.monotonic() < bound:
            try:
                state = self.api.state(mission_id)
                if enough(state):
                    return state
            except KimeraError as error:
                state = error
            time.sleep(0.2)
        raise AssertionError(f"after {seconds} s {mission_id} is still: {state!r}")

    def until_over(self, mission_id: str, *, seconds: float = 120) -> MissionState:
        """The mission's state once it has its result."""
        return self.until(mission_id, lambda state: state.status.terminal, seconds=seconds)

    def events(self, mission_id: str) -> Sequence[AuditEvent]:
        """What happened to the mission."""
        return self.api.events(mission_id)

    def reports(self, mission_id: str) -> dict[str, bytes]:
        """Its report in every format."""
        return {form: self.api.report(mission_id, form=form) for form in ("json", "md", "html")}

    def put(self, name: str, content: str) -> int:
        """Upload an object to the inbox; its generation."""
        answer = self._storage.post(f"/upload/storage/v1/b/{INBOX}/o", params={"uploadType": "media", "name": name}, content=content)
        answer.raise_for_status()
        return int(answer.json()["generation"])

    def answered(self, name: str) -> bytes | None:
        """An object of the outbox; ``None`` where there is none."""
        answer = self._storage.get(f"/download/storage/v1/b/{OUTBOX}/o/{name.replace('/', '%2F')}", params={"alt": "media"})
        return answer.content if answer.is_success else None

    def missions_asking(self, question: str) -> list[MissionState]:
        """Every mission with this question."""
        return [state for state in self.api.missions(limit=500) if state.question == question]

    @contextmanager
    def stored(self) -> Iterator[DocumentStore]:
        """The database."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("FIRESTORE_EMULATOR_HOST", self.cloud.servers.firestore.address)
            documents = firestore(PROJECT)
        try:
            yield documents
        finally:
            documents.close()

    def kill(self, component: Component) -> None:
        """``kill -9``; return once it was started again and answers."""
        self.cloud.supervisor.hold(component)
        self.cloud.supervisor.release(component)
        self.until_it_serves(component)

    def until_it_serves(self, component: Component) -> None:
        """Return once the component runs and answers."""
        until(lambda: component.pid is not None and component.serves(), seconds=90)

    def close(self) -> None:
        """Let go of its connections."""
        self.api.close()
        self._storage.close()


@pytest.fixture(scope="session")
def emulated_cloud(tmp_path_factory: pytest.TempPathFactory, bubblewrap: Path) -> Iterator[EmulatedPlatform]:
    """The emulated cloud. The session shares it: leave every server of it running."""
    home = tmp_path_factory.mktemp("emulated")
    with StandIn() as standin:
        plays_well(standin)
        try:
            cloud = EmulatedCloud(Settings(home=home), environment=standin.environment()).start()
        except Missing as error:
            missing(error.message, error.remedy)
        platform = EmulatedPlatform(cloud, home, standin)
        try:
            yield platform
        finally:
            platform.close()
            cloud.stop()
