"""The digest of a request means the same request whatever version wrote it, and no other one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.mission import MissionRequest
from shared.documents import Json, Query
from shared.errors import IdempotencyMismatch
from shared.missions.records import IDEMPOTENCY
from shared.missions.request_digest import is_digest_of, request_digest
from tests.support.house import House

REQUEST = MissionRequest.model_validate(
    {
        "question": "Où sont les stations?",
        "inputs": [{"uri": "artifact:inputs/x/a.csv", "kind": "data", "name": "a.csv", "sha256": "0" * 64, "size": 12}],
        "budget": {"cap_usd": "2.50"},
        "tracks": {"ds_star": {"max_rounds": 3}},
    }
)


def sha256_of(fields: dict[str, Json]) -> str:
    """What a version before digested: all its fields, in their order."""
    return hashlib.sha256(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def all_fields(*, model: bool = True, web: bool = True) -> dict[str, Json]:
    fields: dict[str, Json] = REQUEST.model_dump(mode="json")
    if not model:
        del fields["model"]
    if not web:
        tracks = fields["tracks"]
        assert isinstance(tracks, dict) and isinstance(tracks["deep_research"], dict)
        del tracks["deep_research"]["web"]
    return fields


class LaterRequest(MissionRequest):
    """A request of a later version: with one field more, which has a default."""

    urgency: int = 0


VERSIONS = [{}, {"web": False}, {"web": False, "model": False}]


def test_the_digest_is_of_this_request() -> None:
    assert is_digest_of(request_digest(REQUEST), REQUEST)
    assert is_digest_of(request_digest(REQUEST), MissionRequest.model_validate(all_fields()))


@pytest.mark.parametrize("fields", VERSIONS)
@pytest.mark.parametrize("rewritten", [False, True])
def test_what_a_version_before_digested_is_known_also_after_its_document_was_rewritten(fields: dict[str, bool], rewritten: bool) -> None:
    stored = all_fields() if rewritten else all_fields(**fields)
    assert is_digest_of(sha256_of(all_fields(**fields)), MissionRequest.model_validate(stored))


@pytest.mark.parametrize("fields", VERSIONS)
def test_a_later_version_with_a_field_more_knows_every_digest_of_today(fields: dict[str, bool]) -> None:
    for stored in (all_fields(**fields), all_fields() | {"urgency": 0}):  # as it was left, and rewritten by the later version
        later = LaterRequest.model_validate(stored)
        assert is_digest_of(request_digest(REQUEST), later)
        assert is_digest_of(sha256_of(all_fields(**fields)), later)
        assert request_digest(later) == request_digest(REQUEST)


def changed(change: Callable[[dict[str, Json]], None]) -> MissionRequest:
    fields = json.loads(json.dumps(all_fields()))
    change(fields)
    return MissionRequest.model_validate(fields)


@pytest.mark.parametrize("digest", [request_digest(REQUEST), *(sha256_of(all_fields(**fields)) for fields in VERSIONS)])
@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update(question="Else?"),
        lambda fields: fields.update(model={"name": "google:other"}),
        lambda fields: fields["tracks"]["deep_research"].update(web="brave"),
        lambda fields: fields["tracks"]["ds_star"].update(max_rounds=10),
        lambda fields: fields["inputs"][0].update(sha256="1" * 64),
        lambda fields: fields["budget"].update(cap_usd="1"),
        lambda fields: fields.pop("budget"),
        lambda fields: fields["deadlines"].update(soft_s=299),
    ],
)
def test_any_other_request_is_another_one_for_every_version(digest: str, change: Callable[[dict[str, Json]], None]) -> None:
    assert not is_digest_of(digest, changed(change))


def test_an_idempotency_key_of_the_version_before_still_means_its_request(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        mission, _ = house.missions.create(REQUEST, owner="ann", idempotency_key="k")
        (key,) = house.documents.query(Query(IDEMPOTENCY))
        house.documents.put(key.ref, {**key.data, "body": sha256_of(all_fields())})
        again, created = house.missions.create(REQUEST, owner="ann", idempotency_key="k")
        assert (again.mission_id, created) == (mission.mission_id, False)
        with pytest.raises(IdempotencyMismatch):
            house.missions.create(REQUEST.model_copy(update={"question": "Else?"}), owner="ann", idempotency_key="k")
    finally:
        house.close()
