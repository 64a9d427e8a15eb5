"""Stored documents across versions: older ones are brought up to date, newer fields survive."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from schemas.mission import Tier
from shared import record
from shared.documents import Document, Json, Ref
from shared.missions.records import MissionRecord
from shared.record import Record
from tests.support.clock import START
from tests.support.house import REQUEST, House


class Note(Record):
    UPCASTS: ClassVar = {1: lambda data: {**data, "text": data["txt"], "schema_version": 2}, 2: lambda data: {**data, "schema_version": 3}}
    text: str


def stored(**data: Json) -> Document:
    return Document(Ref("notes", "n"), data, "v")


def test_a_document_of_an_older_version_is_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "SCHEMA_VERSION", 3)
    read = Note.read(stored(schema_version=1, txt="hello"))
    assert (read.text, read.schema_version) == ("hello", 3)


def test_fields_that_a_newer_version_wrote_survive_a_rewrite() -> None:
    mission = MissionRecord(mission_id="m_1", owner="ann", request=REQUEST, tier=Tier.EXTRACTIVE, created_at=START, updated_at=START)
    newer = Document(mission.ref, {**mission.data(), "schema_version": 2, "colour": "red"}, "v")
    rewritten = MissionRecord.read(newer).model_copy(update={"cancel_requested": True}).data()
    assert (rewritten["colour"], rewritten["schema_version"], rewritten["cancel_requested"]) == ("red", 2, True)


def test_who_checks_what_is_stored_reads_it_anew_and_who_works_with_it_need_not(tmp_path: Path) -> None:
    house = House(tmp_path)
    mission = house.missions.get(house.claimed()[0])
    document = house.documents.get(mission.ref)
    house.close()
    assert document is not None and MissionRecord.read(document) == MissionRecord.known(document)
    changed = Document(document.ref, {**document.data, "owner": "eve"}, document.version)
    assert (MissionRecord.read(changed).owner, MissionRecord.known(changed).owner) == ("eve", mission.owner)
