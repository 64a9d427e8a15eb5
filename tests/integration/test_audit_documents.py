"""Documents and anchors that are gone, changed or in another one's place: what the audit tells of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import Anchor, ChainHead
from schemas.mission import Track
from shared.documents import Ref
from shared.missions.anchors import ANCHORS
from shared.missions.chain import EVENTS
from shared.missions.records import mission_ref, track_ref
from shared.runtime import Runtime
from tests.integration.test_audit_contents import REPORT, named_by_slices
from tests.support.command import Kimera
from tests.support.copied_folder import breaks, ended_mission, found, mission_id, runtime

__all__ = ["mission_id", "runtime"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, bubblewrap: Path) -> tuple[Path, str]:
    return ended_mission(tmp_path_factory.mktemp("original"))


@pytest.mark.parametrize("what", ["state", "handoff"])
def test_a_track_that_names_another_package_or_state_is_found(runtime: Runtime, mission_id: str, what: str) -> None:
    other = runtime.artifacts.put(f"missions/{mission_id}/ds_star/1/other/{what}.json", b"{}")
    ref = track_ref(mission_id, Track.DS_STAR, 1)
    document = runtime.documents.get(ref)
    assert document is not None
    runtime.documents.put(ref, {**document.data, f"{what}_uri": other.uri})
    says = f"the track's document names {other.key} as its {what}, of which no entry tells"
    assert breaks(runtime, mission_id) == [("ds_star", 0, says)]


def test_a_digest_that_was_changed_beside_its_file_is_found(runtime: Runtime, mission_id: str) -> None:
    """Nothing would be handed out any more: the store finds that the bytes are not what it recorded."""
    keys = [REPORT.format(mission_id) + "report.json", *named_by_slices(runtime, mission_id, "handoff")]
    with closing(sqlite3.connect(runtime.home / "kimera.sqlite3")) as connection, connection:
        for key in keys:
            assert connection.execute("UPDATE artifacts SET sha256 = ? WHERE key = ?", ("f" * 64, key)).rowcount == 1, key
    says = "is what was stored, but recorded with another digest, so that nothing can read it"
    assert {what for _, _, what in breaks(runtime, mission_id)} == {f"{key} {says}" for key in keys}


def test_a_mission_whose_document_is_gone_without_its_deletion_is_found_by_what_is_left(runtime: Runtime, mission_id: str) -> None:
    runtime.anchors.delete_prefix(f"{ANCHORS}/")
    runtime.documents.delete(mission_ref(mission_id))
    assert breaks(runtime, mission_id) == [("api", 0, "the mission's document is gone, and no entry tells that it was deleted")]
    shown = Kimera(runtime.home.parent)("audit", "verify", "--json")
    assert shown.code == 1 and [b["mission_id"] for b in shown.json["breaks"]] == [mission_id]


def test_a_mission_that_is_gone_with_its_own_anchor_is_found_by_the_hour_s(runtime: Runtime, mission_id: str) -> None:
    runtime.anchors.delete_prefix(f"{ANCHORS}/hourly/")
    assert runtime.audit.anchor_hour() > 0
    with closing(sqlite3.connect(runtime.home / "kimera.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM documents WHERE id LIKE ?", (f"%{mission_id}%",))
        connection.execute("DELETE FROM artifacts WHERE key LIKE ?", (f"%{mission_id}%",))
    runtime.anchors.delete_prefix(f"{ANCHORS}/{mission_id}/")
    told = runtime.audit.verify(artifacts=runtime.artifacts).breaks
    assert {b.mission_id for b in told} == {mission_id}
    assert {b.writer for b in told} == {"api", "lifecycle", "fusion", "deep_research", "ds_star"}
    assert all(b.what.startswith("nothing of the chain is left, and entry ") for b in told)


def keep_anchor(runtime: Runtime, name: str, anchor: Anchor) -> str:
    key = f"{ANCHORS}/{name}.json"
    runtime.anchors.put(key, anchor.model_dump_json().encode(), media_type="application/json")
    return key


def test_an_anchor_in_another_one_s_place_vouches_for_nothing_and_is_told(runtime: Runtime, mission_id: str) -> None:
    head = ChainHead(mission_id="m_another", writer="api", n=1, hash="f" * 64)
    at = datetime(2026, 3, 14, 10, tzinfo=UTC)
    own = keep_anchor(runtime, f"{mission_id}/done-000001-0", Anchor(at=at, reason="mission ended", heads=(head,)))
    assert breaks(runtime, mission_id) == [("anchor", 0, f"the anchor {own} is another one, put in its place")]
    hour = keep_anchor(runtime, "hourly/2026-03-14T11", Anchor(at=at, reason="hourly", heads=(head,)))
    told = runtime.audit.verify().breaks
    assert [b.what for b in told] == [f"the anchor {key} is another one, put in its place" for key in (hour, own)]


def test_a_deletion_that_no_anchor_vouches_for_is_found(runtime: Runtime, mission_id: str) -> None:
    """Who removes a mission can write the last entry of its chain, too; an anchor, where others keep those, he cannot."""
    assert Kimera(runtime.home.parent)("delete", mission_id).code == 0
    assert found(runtime, mission_id) == ()
    for artifact in list(runtime.anchors.list(f"{ANCHORS}/{mission_id}/")):
        heads = Anchor.model_validate_json(runtime.anchors.get(artifact.uri)).heads
        if any(head.writer == "api" and head.n > 1 for head in heads):
            runtime.anchors.delete_prefix(artifact.key)
    (told,) = breaks(runtime, mission_id)
    assert told == ("api", 2, "the mission's document is gone, and no anchor vouches for the entry that tells of its deletion")


def test_a_document_in_another_one_s_place_is_found(runtime: Runtime, mission_id: str) -> None:
    document = runtime.documents.get(track_ref(mission_id, Track.DS_STAR, 1))
    assert document is not None
    second = track_ref(mission_id, Track.DS_STAR, 2)
    runtime.documents.put(second, document.data)
    runtime.documents.delete(document.ref)
    assert breaks(runtime, mission_id) == [("", 0, f"The document {second} holds what is another one's.")]


@pytest.mark.parametrize("text", ["null", "[1]", "5"])
def test_a_document_that_is_no_object_is_told_and_stops_nothing(runtime: Runtime, mission_id: str, text: str) -> None:
    with closing(sqlite3.connect(runtime.home / "kimera.sqlite3")) as connection, connection:
        changed = connection.execute("UPDATE documents SET data = ? WHERE collection = 'missions' AND id = ?", (text, mission_id))
        assert changed.rowcount == 1
    shown = Kimera(runtime.home.parent)("audit", "verify", "--json")
    whats = [b["what"] for b in shown.json["breaks"]]
    assert shown.code == 1 and whats[0] == f"The document missions/{mission_id}, which holds an audit chain, cannot be read."


def test_what_stands_among_the_events_and_is_none_is_told(runtime: Runtime, mission_id: str) -> None:
    runtime.documents.put(Ref(EVENTS, f"{mission_id}:api:last"), {"mission_id": mission_id})
    assert breaks(runtime, mission_id) == [("api", 0, "what is stored there has no place in a chain")]
