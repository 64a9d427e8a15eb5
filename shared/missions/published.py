"""A mission's published report, handed out only as it was published."""

from __future__ import annotations

import hashlib

from shared.artifacts import ArtifactStore
from shared.errors import Corrupt
from shared.missions.records import MissionRecord


def published(artifacts: ArtifactStore, mission: MissionRecord, uri: str) -> bytes:
    """A file of a report of the mission. ``Corrupt`` where the mission's document has another digest of it; an older one has none."""
    data = artifacts.get(uri)
    known = mission.published.get(uri)
    if known is not None and hashlib.sha256(data).hexdigest() != known:
        raise Corrupt(
            f"{uri.rpartition('/')[2]} is not what was published: it was changed where it is stored.",
            remedy=f"`kimera audit verify {mission.mission_id}` says what else was. Restore the data folder from a backup.",
        )
    return data
