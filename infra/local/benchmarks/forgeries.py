"""What somebody with access to the store could do to a mission's audit chain, or to what it tells of: for who measures that it is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from shared.documents import Document, DocumentStore, Json
from shared.missions.chain import PAGE_EVENTS, ChainPage, ChainPointer, Tail, canonical, digest, event_ref
from shared.missions.records import MissionRecord, mission_ref

_WRITER = "lifecycle"


def _change(documents: DocumentStore, mission_id: str) -> None:
    """Another detail in one entry, with a hash that fits its new content."""
    document, entries = _page(documents, mission_id)
    event: dict[str, Json] = json.loads(entries[5])
    event["detail"] = {"n": 0}
    event["hash"] = digest(event)
    entries[5] = canonical(event)
    _store(documents, document, entries)


def _reorder(documents: DocumentStore, mission_id: str) -> None:
    """Two neighbours change places."""
    document, entries = _page(documents, mission_id)
    entries[8], entries[9] = entries[9], entries[8]
    _store(documents, document, entries)


def _remove(documents: DocumentStore, mission_id: str) -> None:
    """A page is gone."""
    documents.delete(event_ref(mission_id, _WRITER, PAGE_EVENTS + 1))


def _cut_off(documents: DocumentStore, mission_id: str) -> None:
    """The last entries are gone, and the mission's document says that it never had any others: only an anchor knows better."""
    document = documents.get(mission_ref(mission_id))
    assert document is not None
    mission = MissionRecord.read(document)
    tail = mission.tails[_WRITER]
    kept = tail.entries[:-2]
    head = ChainPointer(n=tail.last - 2, hash=json.loads(kept[-1])["hash"])
    tails = mission.tails | {_WRITER: Tail(first=tail.first, entries=kept)}
    documents.put(document.ref, mission.model_copy(update={"tails": tails, "heads": mission.heads | {_WRITER: head}}).data())


def _ask_otherwise(documents: DocumentStore, mission_id: str) -> None:
    """Another question in the mission's document; the chain stays as it is."""
    document = documents.get(mission_ref(mission_id))
    assert document is not None
    mission = MissionRecord.read(document)
    asked = mission.request.model_copy(update={"question": "Who asked this?"})
    documents.put(document.ref, mission.model_copy(update={"request": asked}).data())


FORGERIES: Mapping[str, Callable[[DocumentStore, str], None]] = {
    "changed": _change,
    "reordered": _reorder,
    "removed": _remove,
    "cut off": _cut_off,
    "asked otherwise": _ask_otherwise,
}
"""Each by its name. They need a mission of at least two pages of the lifecycle's entries."""


def _page(documents: DocumentStore, mission_id: str) -> tuple[Document, list[str]]:
    """The second page of the mission's lifecycle."""
    document = documents.get(event_ref(mission_id, _WRITER, PAGE_EVENTS + 1))
    assert document is not None
    return document, list(ChainPage.read(document).entries)


def _store(documents: DocumentStore, document: Document, entries: list[str]) -> None:
    documents.put(document.ref, ChainPage.read(document).model_copy(update={"entries": tuple(entries)}).data())
