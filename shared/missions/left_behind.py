"""Artifacts of missions that were deleted. Whoever works on a mission removes what it puts behind the deletion (``slices.py``), unless it
is killed before; then nobody else would look for it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from shared.artifacts import ArtifactStore
from shared.documents import DocumentStore
from shared.ids import made_at
from shared.missions.records import mission_ref
from shared.missions.unused_inputs import Removed

_MISSIONS = "missions/"
_AGE = timedelta(days=1)


def remove_left_behind(documents: DocumentStore, artifacts: ArtifactStore, now: datetime) -> Removed:
    """Remove what lies below missions that are not there any more, and that began at least a day ago by their ids.

    It walks through all artifacts of missions. The caller makes sure that meanwhile nobody works on any.
    """
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for artifact in artifacts.list(_MISSIONS):
        mission_id = artifact.key.split("/")[1]
        files[mission_id] += 1
        sizes[mission_id] += artifact.size
    left = [mission_id for mission_id in files if _is_old(mission_id, now) and documents.get(mission_ref(mission_id)) is None]
    for mission_id in left:
        artifacts.delete_prefix(f"{_MISSIONS}{mission_id}/")
    return Removed(sum(files[mission_id] for mission_id in left), sum(sizes[mission_id] for mission_id in left))


def _is_old(mission_id: str, now: datetime) -> bool:
    began = made_at(mission_id)
    return began is not None and now - began >= _AGE
