"""A mission with a server that answers one question after the other, and slowly, as a laptop's does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.drills.standin import Fault, StandIn
from infra.local.drills.standin.playing import METHOD, QUESTION, TABLE, plays_well
from infra.local.drills.standin.requests import Asked
from infra.local.drills.standin.server import Behaviour
from shared.adapters.declared_queries import DeclaredQueries
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.indexes import COMPOSITES, FIELDS
from shared.models.rows import RowState
from tests.support.chain import rows

ANSWER_S, TIMEOUT_S = 1.2, 2
"""Two questions at the same time take longer than an answer may."""


class Serial(StandIn):
    """Takes its time for each request, one after the other, as a server with one place does; ``most``: how many were there at once."""

    def __init__(self) -> None:
        super().__init__()
        self._counting = threading.Lock()
        self._inside = 0
        self.most = 0
        self.storm = self._slowly

    def next(self, asked: Asked) -> Behaviour:
        with self._counting:
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            return super().next(asked)
        finally:
            with self._counting:
                self._inside -= 1

    def _slowly(self, asked: Asked) -> Fault | None:
        """Called under the server's one lock."""
        self.stopped.wait(ANSWER_S)
        return None


@pytest.fixture
def server() -> Iterator[Serial]:
    with Serial() as running:
        plays_well(running)
        yield running


def mission(tmp_path: Path, server: Serial, **settings: str) -> tuple[dict[str, object], list[RowState]]:
    """What `kimera run` says of the small mission, and how its requests ended."""
    (tmp_path / "heights.csv").write_text(TABLE)
    (tmp_path / "method.md").write_text(f"# Method\n\n{METHOD}\n")
    home = tmp_path / "home"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KIMERA_", "OPENAI_", "GEMINI_", "GOOGLE_"))}
    own = {"OPENAI_BASE_URL": f"{server.url}/v1", "KIMERA_ANSWER_TIMEOUT_S": str(TIMEOUT_S), "KIMERA_HOME": str(home)}
    asked = [QUESTION, "--data", str(tmp_path / "heights.csv"), "--docs", str(tmp_path / "method.md"), "--out", str(tmp_path / "out")]
    ran = subprocess.run(
        [sys.executable, "-m", "cli.main", "run", *asked, "--model", "openai:any", "--price", "1/4", "--json"],
        env={**clean, **own, **settings},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, ran.stderr
    documents = DeclaredQueries(SqliteDocuments(home / "kimera.sqlite3", indexes=FIELDS, composites=COMPOSITES))
    try:
        told: dict[str, object] = json.loads(ran.stdout)
        return told, [row.state for row in rows(documents)]
    finally:
        documents.close()


@pytest.mark.bubblewrap
@pytest.mark.timeout(240)
def test_a_server_that_answers_one_after_the_other_has_the_whole_time_for_each_answer(server: Serial, tmp_path: Path) -> None:
    told, ended = mission(tmp_path, server)
    assert server.most == 1
    assert set(ended) == {RowState.ANSWERED}, "no answer was lost, so none was charged at its bound"
    assert not {"tier_extractive", "model_unavailable"} & set(told["flags"])  # type: ignore[call-overload]  # a list of texts
    assert "Blue players are 182" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.bubblewrap
@pytest.mark.timeout(240)
def test_a_server_that_is_asked_more_than_it_answers_at_once_loses_answers(server: Serial, tmp_path: Path) -> None:
    """What the setting is for: the same server, asked as one that answers many at a time."""
    _, ended = mission(tmp_path, server, KIMERA_ENDPOINT_PARALLEL="64")
    assert server.most > 1
    assert RowState.UNKNOWN in ended
