"""What a mission with models leaves beside packages and reports: paid answers, their requests, code and what it came to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from infra.local.drills.standin import StandIn
from infra.local.drills.standin.playing import METHOD, TABLE
from shared.artifacts import SCHEME
from shared.documents import Document, Json, Query, Where
from shared.ledger.accounts import Account
from shared.ledger.records import purse_ref
from shared.missions.records import JOURNAL
from shared.models.rows import row_of_answer
from shared.runtime import Runtime
from tests.integration.test_audit_contents import forge
from tests.integration.test_model_mission import asked, kimera, plays
from tests.support.copied_folder import found, mission_id, runtime

__all__ = ["mission_id", "runtime"]
KINDS = ("/answers/deep_research/", "/answers/ds_star/", "/answers/fusion/", "/generated.py", "/runs/", "/offers.json")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, bubblewrap: Path) -> tuple[Path, str]:
    """A data folder with a mission that models worked on, and its id."""
    folder = tmp_path_factory.mktemp("answered")
    (folder / "heights.csv").write_text(TABLE)
    (folder / "method.md").write_text(f"# Method\n\n{METHOD}\n")
    with StandIn() as standin:
        plays(standin)
        ran = kimera(folder, *asked(folder, folder), standin=standin)
    assert ran.code == 0, ran.err
    return folder / "home", ran.json["mission_id"]


def of_kind(runtime: Runtime, mission_id: str, kind: str) -> list[str]:
    return [artifact.key for artifact in runtime.artifacts.list(f"missions/{mission_id}/") if kind in artifact.key]


def requests(runtime: Runtime, mission_id: str) -> list[Document]:
    return runtime.documents.query(Query(JOURNAL, (Where("mission_id", "==", mission_id),)))


def told(runtime: Runtime, mission_id: str) -> set[str]:
    return {b.what for b in found(runtime, mission_id)}


def test_all_that_its_slices_stored_is_compared(runtime: Runtime, mission_id: str) -> None:
    (checked,) = runtime.audit.checked(mission_id, runtime.artifacts)
    assert checked.breaks == ()
    own = {artifact.key for artifact in runtime.artifacts.list(f"missions/{mission_id}/")}
    given = len(runtime.missions.get(mission_id).request.inputs)
    assert checked.files == len(own) + given
    assert all(of_kind(runtime, mission_id, kind) for kind in KINDS)


@pytest.mark.parametrize("digest_too", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_changed_of_it_is_found(runtime: Runtime, mission_id: str, kind: str, digest_too: bool) -> None:
    key = of_kind(runtime, mission_id, kind)[-1]
    forge(runtime, key, digest_too=digest_too)
    assert told(runtime, mission_id) == {f"{key} is not what was stored"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_gone_of_it_is_found(runtime: Runtime, mission_id: str, kind: str) -> None:
    key = of_kind(runtime, mission_id, kind)[0]
    runtime.artifacts.delete_prefix(key)
    assert told(runtime, mission_id) == {f"{key} is gone"}


def test_every_answer_is_the_answer_of_its_request(runtime: Runtime, mission_id: str) -> None:
    answers = of_kind(runtime, mission_id, "/answers/")
    rows = {row.ref: row.data for row in requests(runtime, mission_id)}
    assert {row_of_answer(SCHEME + key) for key in answers} == {ref for ref, row in rows.items() if row["answer_uri"]} == set(rows)
    assert row_of_answer(f"{SCHEME}missions/{mission_id}/reports/v1/report.md") is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"cost_micro_usd": 1}, "the journal has $0.000001 for what {} was paid with"),
        ({"answered_by": "another"}, "the journal has another model or other tokens than {}"),
        ({"output_tokens": 1}, "the journal has another model or other tokens than {}"),
        ({"answer_sha256": "f" * 64}, "the journal has another answer than {}"),
        ({"state": "FAILED"}, "the journal has another answer than {}"),
        ({"sent_at": "never"}, "The stored document {} cannot be read: sent_at"),
    ],
)
def test_a_changed_request_is_found(runtime: Runtime, mission_id: str, changed: dict[str, Json], says: str) -> None:
    row = requests(runtime, mission_id)[0]
    runtime.documents.put(row.ref, {**row.data, **changed})
    called = str(row.ref) if "sent_at" in changed else str(row.data["answer_uri"]).removeprefix(SCHEME)
    assert any(what.startswith(says.format(called)) for what in told(runtime, mission_id)), told(runtime, mission_id)


def test_a_request_that_is_gone_or_added_is_found(runtime: Runtime, mission_id: str) -> None:
    row = requests(runtime, mission_id)[0]
    runtime.documents.delete(row.ref)
    gone = f"the journal has no request that {str(row.data['answer_uri']).removeprefix(SCHEME)} is the answer to"
    assert gone in told(runtime, mission_id)
    runtime.documents.put(row.ref, row.data)
    assert told(runtime, mission_id) == set()
    unanswered: dict[str, Json] = {"state": "UNKNOWN", "answer_uri": None, "answer_sha256": None, "cost_micro_usd": 7}
    runtime.documents.put(type(row.ref)(JOURNAL, f"{row.ref.id}9"), {**row.data, **unanswered})
    (sums,) = told(runtime, mission_id)
    assert sums.startswith(f"the requests of {row.data['account']} cost $") and "its purse has $" in sums


def test_what_was_deleted_with_its_mission_is_no_break(runtime: Runtime, mission_id: str) -> None:
    assert kimera(runtime.home.parent, "delete", mission_id, KIMERA_HOME=str(runtime.home)).code == 0
    assert found(runtime, mission_id) == ()
    verified = kimera(runtime.home.parent, "audit", "verify", "--json", KIMERA_HOME=str(runtime.home))
    assert (verified.code, json.loads(verified.out)["ok"]) == (0, True)


def test_money_that_was_moved_from_one_account_to_another_is_found(runtime: Runtime, mission_id: str) -> None:
    for account, change in (("ds_star", -1), ("fusion", 1)):
        purse = runtime.documents.get(purse_ref(mission_id, cast("Account", account)))
        assert purse is not None and isinstance(purse.data["settled"], int)
        runtime.documents.put(purse.ref, {**purse.data, "settled": purse.data["settled"] + change})
    (moved,) = told(runtime, mission_id)
    assert moved.startswith("the requests of ds_star cost $")
