"""A mission is submitted once, also where the platform's answer gets lost on its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.asking import Prepared
from cli.uploading import upload_and_submit
from infra.local.api import MissionsApi
from infra.local.files import LocalFile
from infra.local.functions import public_app
from schemas.mission import MissionRequest
from shared.errors import Unavailable
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.clock import FrozenClock


class Lossy(httpx.BaseTransport):
    """Hands every request on, and loses the answers to the first submissions."""

    def __init__(self, app: httpx.BaseTransport, losses: int) -> None:
        self._app = app
        self._losses = losses

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._app.handle_request(request)
        if request.method == "POST" and self._losses > 0:
            self._losses -= 1
            raise httpx.ReadTimeout("timed out")
        return answer


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    file = tmp_path / "a.csv"
    file.write_text("n\n1\n")
    return Prepared(MissionRequest(question="How many rows are there?"), (LocalFile(file, "a.csv", "data", 4),))


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(Settings(home=tmp_path / "home"))
    yield made
    made.close()


def api_of(runtime: Runtime, *, losses: int) -> MissionsApi:
    return MissionsApi(httpx.Client(base_url="http://localhost", transport=Lossy(httpx.WSGITransport(app=public_app(runtime)), losses)))


def stored(runtime: Runtime) -> list[str]:
    return [mission.mission_id for mission in api_of(runtime, losses=0).missions(limit=10)]


def test_a_lost_answer_makes_no_second_mission(runtime: Runtime, prepared: Prepared) -> None:
    accepted = upload_and_submit(api_of(runtime, losses=3), prepared, clock=FrozenClock())
    assert accepted.created and stored(runtime) == [accepted.mission_id]


def test_two_submissions_are_two_missions(runtime: Runtime, prepared: Prepared) -> None:
    api = api_of(runtime, losses=0)
    assert len({upload_and_submit(api, prepared, clock=FrozenClock()).mission_id for _ in range(2)}) == 2


def test_who_gives_up_is_told_how_to_get_that_very_mission(runtime: Runtime, prepared: Prepared) -> None:
    with pytest.raises(Unavailable, match="timed out") as left:
        upload_and_submit(api_of(runtime, losses=1_000), prepared, clock=FrozenClock())
    key = left.value.remedy.partition("--idempotency-key ")[2].split("`")[0]
    found = upload_and_submit(api_of(runtime, losses=0), prepared, idempotency_key=key, clock=FrozenClock())
    assert not found.created and stored(runtime) == [found.mission_id]


def test_ctrl_c_while_no_answer_comes_says_how_to_get_that_very_mission(
    runtime: Runtime, prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    class Impatient(FrozenClock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload_and_submit(api_of(runtime, losses=1_000), prepared, clock=Impatient())
    key = capsys.readouterr().err.partition("--idempotency-key ")[2].split("`")[0]
    found = upload_and_submit(api_of(runtime, losses=0), prepared, idempotency_key=key, clock=FrozenClock())
    assert stored(runtime) == [found.mission_id]
