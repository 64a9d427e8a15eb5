"""Audit chains as they lie in the store: every place that holds entries, and the shape in which the version before left them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from shared.documents import Document, DocumentStore, Json, Query, Ref, Where
from shared.missions.chain import EVENTS, GENESIS, canonical, digest, event_ref
from shared.missions.records import MISSIONS, TRACKS


@dataclass(frozen=True, slots=True)
class Place:
    """Entries of one chain in one document: a page's (``path`` is empty) or a tail's."""

    document: Document
    path: tuple[str, ...]

    @property
    def writer(self) -> str:
        return str(self.path[1]) if self.path[:1] == ("tails",) else str(self.document.data.get("writer") or self.document.data["track"])

    @property
    def entries(self) -> list[str]:
        found = _at(self.document.data, self.path)["entries"]
        assert isinstance(found, list)
        return [str(entry) for entry in found]

    @property
    def first(self) -> int:
        found = _at(self.document.data, self.path)["first"]
        assert isinstance(found, int)
        return found

    def changed(self, entries: Sequence[str], *, first: int | None = None, head: dict[str, Json] | None = None) -> dict[str, Json]:
        """The document with other entries here (and another head of the chain)."""
        data: dict[str, Json] = json.loads(json.dumps(self.document.data))
        holder = _at(data, self.path)
        holder["entries"] = list(entries)
        holder["first"] = self.first if first is None else first
        if head is not None:
            _at(data, self.path[:-2])[{"tails": "heads", "tail": "head"}[self.path[0]]] = (
                head if self.path[0] == "tail" else {**_at(data, ("heads",)), self.path[1]: head}
            )
        return data


def places(documents: DocumentStore, mission_id: str) -> list[Place]:
    """All places of a mission that hold entries."""
    found: list[Place] = []
    for collection in (EVENTS, MISSIONS, TRACKS):
        for document in documents.query(Query(collection, (Where("mission_id", "==", mission_id),))):
            if "entries" in document.data:
                found.append(Place(document, ()))
            if document.data.get("tail"):
                found.append(Place(document, ("tail",)))
            tails = document.data.get("tails")
            found += [Place(document, ("tails", writer)) for writer in (tails if isinstance(tails, dict) else ())]
    return found


def place(documents: DocumentStore, mission_id: str, writer: str, n: int) -> tuple[Place, int]:
    """Where entry ``n`` of a writer lies, and the how manieth of that place it is."""
    for found in places(documents, mission_id):
        if found.writer == writer and found.first <= n < found.first + len(found.entries):
            return found, n - found.first
    raise AssertionError(f"there is no entry {n} of {writer}")


def with_field(entry: str, field: str, value: Json) -> str:
    """An entry with another value, as careful forgers would write it."""
    return canonical({**json.loads(entry), field: value})


def written_anew(entries: Sequence[str], place: int, detail: Json) -> list[str]:
    """The entries with another detail in one of them, and all hashes from there on made to fit."""
    forged = [json.loads(entry) for entry in entries]
    forged[place]["detail"] = detail
    for n in range(place, len(forged)):
        if n:
            forged[n]["previous"] = forged[n - 1]["hash"]
        forged[n]["hash"] = digest(forged[n])
    return [canonical(event) for event in forged]


def as_the_version_before(documents: DocumentStore, mission_id: str) -> None:
    """Leave a mission's chains as they were before pages: a document for each event, and only the heads in the others."""
    for found in places(documents, mission_id):
        for n, entry in enumerate(found.entries, found.first):
            documents.put(event_ref(mission_id, found.writer, n), json.loads(entry))
    for collection in (MISSIONS, TRACKS):
        for document in documents.query(Query(collection, (Where("mission_id", "==", mission_id),))):
            left = {key: value for key, value in document.data.items() if key not in ("tail", "tails", "frozen")}
            documents.put(document.ref, left)


def append_as_the_version_before(documents: DocumentStore, ref: Ref, writer: str, kind: str) -> None:
    """Do what an instance of the version before pages did to a track: a document for the event, and the head moved behind it."""
    document = documents.get(ref)
    assert document is not None
    head = document.data["head"]
    assert head is None or isinstance(head, dict)
    n = int(str(head["n"])) + 1 if head else 1
    event: dict[str, Json] = {
        "schema_version": 1,
        "mission_id": document.data["mission_id"],
        "writer": writer,
        "n": n,
        "kind": kind,
        "at": "2026-03-14T10:00:00Z",
        "detail": {},
        "trace_id": None,
        "previous": head["hash"] if head else GENESIS,
    }
    event["hash"] = digest(event)
    documents.create(event_ref(str(event["mission_id"]), writer, n), event)
    documents.put(ref, {**document.data, "head": {"schema_version": 1, "n": n, "hash": event["hash"]}})


def _at(data: dict[str, Json], path: Sequence[str]) -> dict[str, Json]:
    for name in path:
        inner = data[name]
        assert isinstance(inner, dict)
        data = inner
    return data
