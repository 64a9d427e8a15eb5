"""Descriptions that are kept by the content of their file, for all missions: a cache, whose entries can be made anew from the file.

An artifact never changes, and a track may not delete one. So an entry stands for a row of places, of which the first that can be read
holds: one that is damaged is followed by what was made anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.analysis import FileDescription
from shared.artifacts import SCHEME, ArtifactStore
from shared.errors import AlreadyExists, Corrupt, NotFound

PLACES = 3
"""After so many damaged ones the store is at fault, and the description is made each time."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a file, if anything. ``free``: where a description that is made now goes; ``None`` where there is no place."""

    description: FileDescription | None
    free: str | None


def kept(artifacts: ArtifactStore, key: str) -> Kept:
    """The description at ``key``, which has no suffix."""
    for place in range(PLACES):
        at = f"{key}.json" if place == 0 else f"{key}.{place}.json"
        try:
            return Kept(FileDescription.model_validate_json(artifacts.get(SCHEME + at)), None)
        except NotFound:
            return Kept(None, at)
        except ValidationError:
            continue  # a version wrote it that described otherwise
        except Corrupt as error:
            _log.warning("A description that was kept is damaged, and made anew: %s", error.place or error.message)
    return Kept(None, None)


def keep(artifacts: ArtifactStore, found: Kept, description: FileDescription) -> FileDescription:
    """Keep the description that was made since; what another slice has kept meanwhile is the one to use."""
    if found.free is None:
        return description
    try:
        artifacts.put(found.free, description.model_dump_json().encode(), media_type="application/json")
    except AlreadyExists:
        return kept(artifacts, found.free.removesuffix(".json")).description or description
    return description
