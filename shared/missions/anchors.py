"""Anchors: the heads of audit chains, kept write-once where who can change a chain cannot change them too.

One when a mission ends (or is deleted), and every hour one for all chains that moved since the hour of the last one, however long ago
that was. On the cloud they have a bucket of their own, whose retention can be locked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from schemas.events import Anchor, ChainHead
from shared.artifacts import Artifact, ArtifactStore
from shared.errors import AlreadyExists, Corrupt

ANCHORS = "audit/anchors"
_HOURLY = f"{ANCHORS}/hourly/"
_HOUR = "%Y-%m-%dT%H"
_DAYS_LOOKED_BACK = 7
"""Day by day, before everything is listed to find the last anchored hour."""


@dataclass(frozen=True, slots=True)
class KeptAnchor:
    """An anchor as it is kept; ``wrong`` says why it cannot be read."""

    key: str
    anchor: Anchor | None
    wrong: str = ""


class Anchors:
    """The kept anchors, in an artifact store."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def keep_end(self, mission_id: str, status: str, heads: Sequence[ChainHead], *, at: datetime) -> None:
        """Keep the heads of a mission that has ended, once for the same heads."""
        name = f"{mission_id}/{status.lower()}-{sum(head.n for head in heads):06d}-{_fingerprint(heads)}"
        self._put(name, Anchor(at=at, reason="mission ended", heads=tuple(heads)))

    def keep_part(self, heads: Sequence[ChainHead], *, at: datetime) -> None:
        """Keep some of the heads of an hour, which ``close_hour`` ends."""
        self._put(f"hourly/{at:{_HOUR}}-{_fingerprint(heads)}", Anchor(at=at, reason="hourly", heads=tuple(heads)))

    def close_hour(self, heads: Sequence[ChainHead], *, at: datetime) -> None:
        """Keep the rest of the heads of an hour. From then on the hour counts as anchored."""
        self._put(f"hourly/{at:{_HOUR}}", Anchor(at=at, reason="hourly", heads=tuple(heads)))

    def last_hour(self, now: datetime) -> datetime | None:
        """The beginning of the last hour that was anchored; ``None`` where there is none. One that is still to come is none."""
        days = (f"{_HOURLY}{now - timedelta(days=days):%Y-%m-%d}" for days in range(_DAYS_LOOKED_BACK))
        for prefix in (*days, _HOURLY):
            if found := [hour for hour in self._hours(prefix) if hour <= now]:
                return max(found)
        return None

    def of_mission(self, mission_id: str) -> Iterator[KeptAnchor]:
        """The anchors of a mission's ends."""
        yield from map(self._read, self._store.list(f"{ANCHORS}/{mission_id}/"))

    def hourly(self, since: datetime | None = None) -> Iterator[KeptAnchor]:
        """The hourly anchors, from the hour of ``since`` on."""
        first = f"{_HOURLY}{since:{_HOUR}}" if since else _HOURLY
        yield from (self._read(artifact) for artifact in self._store.list(_HOURLY) if artifact.key >= first)

    def missions(self) -> Iterator[str]:
        """The ids of the missions whose ends are anchored, in order, some of them more than once."""
        for artifact in self._store.list(f"{ANCHORS}/"):
            mission_id = artifact.key.removeprefix(f"{ANCHORS}/").partition("/")[0]
            if mission_id != "hourly":
                yield mission_id

    def _hours(self, prefix: str) -> list[datetime]:
        """The hours that were closed, of those that begin with the prefix."""
        names = (artifact.key.removeprefix(_HOURLY).removesuffix(".json") for artifact in self._store.list(prefix))
        return [datetime.strptime(name, _HOUR).replace(tzinfo=UTC) for name in names if name.count("-") == 2]

    def _put(self, name: str, anchor: Anchor) -> None:
        data = anchor.model_dump_json(indent=1).encode()
        try:
            self._store.put(f"{ANCHORS}/{name}.json", data, media_type="application/json")
        except AlreadyExists:
            return  # the same heads were anchored before, at another moment; or another call has closed the hour

    def _read(self, artifact: Artifact) -> KeptAnchor:
        try:
            anchor = Anchor.model_validate_json(self._store.get(artifact.uri))
        except Corrupt as error:
            return KeptAnchor(artifact.key, None, f"the anchor {artifact.key} cannot be read: {error.message}")
        except ValidationError:
            return KeptAnchor(artifact.key, None, f"the anchor {artifact.key} cannot be read: it is none any more")
        if not _in_place(artifact.key, anchor):
            return KeptAnchor(artifact.key, None, f"the anchor {artifact.key} is another one, put in its place")
        return KeptAnchor(artifact.key, anchor)


def _in_place(key: str, anchor: Anchor) -> bool:
    """Whether the anchor may have been kept under this key: of its hour, or of its mission alone."""
    if key.startswith(_HOURLY):
        return key.startswith(f"{_HOURLY}{anchor.at:{_HOUR}}")
    return {head.mission_id for head in anchor.heads} == {key.removeprefix(f"{ANCHORS}/").partition("/")[0]}


def _fingerprint(heads: Sequence[ChainHead]) -> str:
    text = "\n".join(f"{head.mission_id} {head.writer} {head.n} {head.hash}" for head in heads)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
