"""``kill -9`` around a remote job: no second job is begun for a slice unless the first one was charged as unknown."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.drills.standin.remote import Look, RemoteStandIn
from schemas.evidence import ResearchEvidencePackage
from schemas.mission import Track
from shared.documents import Query
from shared.ledger.records import PURSES, PurseRecord
from shared.models.rows import RowState
from shared.runtime import CHECKOUT, Runtime
from shared.settings import Settings
from tests.support.chain import rows
from tests.support.forked import Ended, forked
from tests.support.pages import SmallWeb
from tests.support.remote_research import FIGURE, PRICE_MICRO_USD, report, site

pytestmark = pytest.mark.slow
CEILING = 5_000_000


@pytest.fixture
def remote() -> Iterator[RemoteStandIn]:
    with RemoteStandIn() as running:
        yield running


@pytest.fixture
def web() -> Iterator[SmallWeb]:
    with SmallWeb() as running:
        yield running


def process(home: Path, remote: RemoteStandIn, web: SmallWeb, crash_at: str = "") -> Ended:
    environment = {**os.environ, **remote.environment(), "KIMERA_CRASH_AT": crash_at}
    return forked("tests.support.remote_process", [str(home), str(web.port)], environment, folder=CHECKOUT, within_s=110)


@pytest.mark.parametrize(
    ("crash_at", "jobs", "unknown"),
    [
        ("job.sent", 1, 1),  # nobody knows that it was not begun
        ("job.started", 2, 1),  # begun, and its name is lost
        ("job.stored", 1, 0),  # its name is found in its row
        ("slice.worked:1", 1, 0),
        ("slice.worked:3", 1, 0),  # between two looks
        ("slice.committed:4", 1, 0),
        ("job.answer_stored", 1, 0),
    ],
)
def test_a_kill_begins_no_second_job_but_for_one_that_was_charged(
    remote: RemoteStandIn, web: SmallWeb, tmp_path: Path, bubblewrap: Path, crash_at: str, jobs: int, unknown: int
) -> None:
    home = tmp_path / "home"
    remote.looks.extend([Look("queued"), Look(), Look(), Look(), report(*site(web))])
    killed = process(home, remote, web, crash_at)
    assert killed.code == -signal.SIGKILL, f"{crash_at} was not reached: {killed.err[-1500:]}"
    ended = process(home, remote, web)
    assert ended.code == 0, ended.err[-1500:]

    runtime = Runtime(Settings(home=home))
    try:
        journal = [row for row in rows(runtime.documents) if row.role == "research_agent"]
        purses = [PurseRecord.read(document) for document in runtime.documents.query(Query(PURSES))]
        track = runtime.missions.tracks(runtime.missions.page().missions[0])[Track.DEEP_RESEARCH]
        package = ResearchEvidencePackage.model_validate_json(runtime.artifacts.get(track.handoff_uri or ""))
    finally:
        runtime.close()
    assert len(remote.begun) == jobs
    assert [row.state for row in journal] == [RowState.UNKNOWN] * unknown + [RowState.ANSWERED]
    assert sum(row.cost_micro_usd for row in journal) == unknown * CEILING + PRICE_MICRO_USD
    assert (sum(p.settled for p in purses), sum(p.reserved for p in purses)) == (unknown * CEILING + PRICE_MICRO_USD, 0)
    assert any(FIGURE in claim.text and claim.support == "verbatim" for claim in package.claims)
