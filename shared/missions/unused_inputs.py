"""Uploaded files that no mission names any more. Deleting a mission leaves its files: another one may name the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.mission import MissionRequest
from shared.artifacts import SCHEME, ArtifactStore
from shared.documents import Document, DocumentStore, Query
from shared.errors import Corrupt
from shared.inputs import input_prefix
from shared.missions.damaged import owner_of
from shared.missions.records import MISSIONS, MissionRecord

_INPUTS = "inputs/"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Removed:
    """How many files there were, and their bytes."""

    files: int
    size: int
    kept: int = 0
    """Files that no mission names which can be read, and that one of ``damaged`` may name."""
    damaged: tuple[str, ...] = ()
    """The missions of which nobody can read what they name."""


def remove_unused_inputs(documents: DocumentStore, artifacts: ArtifactStore) -> Removed:
    """Remove the inputs, of every owner, whose bytes no mission names. What a damaged mission may name stays.

    The caller makes sure that meanwhile nobody uploads or submits: a file that was uploaded a moment ago is not named by its mission yet.
    """
    named: set[str] = set()
    of_unknown: set[str] = set()
    damaged: list[str] = []
    for mission in _missions(documents):
        request = _request(mission)
        if request is not None:
            named.update(_content(item.uri) for item in request.inputs)
        else:
            owner = owner_of(mission)
            damaged.append(mission.ref.id)
            of_unknown.add(SCHEME + (input_prefix(owner) if owner is not None else _INPUTS))
    unused: dict[str, Removed] = {}
    kept = 0
    for artifact in artifacts.list(_INPUTS):
        content = _content(artifact.uri)
        if content in named:
            continue
        if content.startswith(tuple(of_unknown)):
            kept += 1
            continue
        before = unused.get(content, Removed(0, 0))
        unused[content] = Removed(before.files + 1, before.size + artifact.size)
    for content in unused:
        artifacts.delete_prefix(content.partition(":")[2])
    return Removed(sum(r.files for r in unused.values()), sum(r.size for r in unused.values()), kept, tuple(damaged))


def _content(uri: str) -> str:
    """The folder of the input: its owner and its sha256, with whatever names it was uploaded under."""
    return uri.rpartition("/")[0] + "/"


def _request(mission: Document) -> MissionRequest | None:
    """What the mission was asked; ``None`` where its document is damaged: what is left of a request may not be all that it named."""
    try:
        return MissionRecord.known(mission).request
    except Corrupt:
        return None


def _missions(documents: DocumentStore) -> Iterator[Document]:
    last: Document | None = None
    while page := documents.query(Query(MISSIONS, limit=_PAGE, after=last)):
        yield from page
        last = page[-1]
