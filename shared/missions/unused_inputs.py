"""Uploaded files that no mission names any more. Deleting a mission leaves its files: another one may name the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.artifacts import ArtifactStore
from shared.missions.repository import Missions

_INPUTS = "inputs/"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Removed:
    """How many files there were, and their bytes."""

    files: int
    size: int


def remove_unused_inputs(missions: Missions, artifacts: ArtifactStore) -> Removed:
    """Remove the inputs, of every owner, whose bytes no mission names.

    The caller makes sure that meanwhile nobody uploads or submits: a file that was uploaded a moment ago is not named by its mission yet.
    """
    named = {_content(uri) for uri in _named(missions)}
    unused: dict[str, Removed] = {}
    for artifact in artifacts.list(_INPUTS):
        content = _content(artifact.uri)
        if content not in named:
            before = unused.get(content, Removed(0, 0))
            unused[content] = Removed(before.files + 1, before.size + artifact.size)
    for content in unused:
        artifacts.delete_prefix(content.partition(":")[2])
    return Removed(sum(r.files for r in unused.values()), sum(r.size for r in unused.values()))


def _content(uri: str) -> str:
    """The folder of the input: its owner and its sha256, with whatever names it was uploaded under."""
    return uri.rpartition("/")[0] + "/"


def _named(missions: Missions) -> Iterator[str]:
    before: str | None = None
    while page := missions.list(limit=_PAGE, before=before):
        for mission in page:
            yield from (item.uri for item in mission.request.inputs)
        before = page[-1].mission_id
