"""What a track's logic promises to the slice engine (``shared/missions/slices.py``), and what it is given.

A track is a sequence of bounded slices. Each slice reads the state that the one before left, does some work, and leaves a new
state; the engine keeps leases, results, epochs and events, so a track knows nothing of them. A slice that is killed is run again
from the same state: it must therefore have no effect but its outcome and artifacts under content-derived keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pydantic import BaseModel

from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import ResearchEvidencePackage
from schemas.handoff import TrackOffers
from schemas.mission import MissionInput, MissionRequest, Track
from shared.artifacts import Artifact, ArtifactStore
from shared.clock import Clock
from shared.documents import Json
from shared.doing import Doing, unheard
from shared.models.asking import Models
from shared.scratch import Scratch
from shared.web.search import WebSearch

if TYPE_CHECKING:
    from shared.models.jobs import Jobs

StateT = TypeVar("StateT", bound=BaseModel)
Package = ResearchEvidencePackage | AnalyticalReportPackage


@dataclass(frozen=True, slots=True)
class SliceContext:
    """What a slice may know of its mission, and what it may use."""

    mission_id: str
    owner: str
    track: Track
    attempt: int
    seq: int
    epoch: int
    request: MissionRequest
    artifacts: ArtifactStore
    clock: Clock
    scratch: Scratch
    time_left: Callable[[], float]
    """Seconds until this slice should leave a checkpoint and return (60 % of the slice budget)."""
    models: Models | None = None
    """The models of this slice; ``None`` in the extractive tier."""
    jobs: Jobs | None = None
    """The remote research agent's jobs; ``None`` where the mission asks for none."""
    search: WebSearch | None = None
    """The search of the web; ``None`` where the mission asks for none."""
    other_handoff_uri: str | None = None
    """What the other track had offered (``TrackOffers``) when this slice began, frozen together with the tier: a slice that is run again
    sees the same. ``None`` where it had offered nothing yet."""
    other_ended: bool = False
    """Whether the other track did no more work when this slice began, frozen likewise: one that failed may never have said all."""
    soft_deadline: datetime | None = None
    """From when on a track that is late no longer delays a partial report; ``None`` where the mission has not begun to run."""
    doing: Doing = unheard
    """Takes what the slice is at from now on, as often as it likes."""
    stored: dict[str, str] = field(default_factory=dict)
    """What the slice has stored for good, by address, with its sha256: the event of its commit names it."""

    @property
    def workdir(self) -> Path:
        """A folder for this slice that is removed after it, empty at first."""
        return self.scratch.path

    @property
    def documents(self) -> tuple[MissionInput, ...]:
        """The mission's documents, in the order they were given."""
        return tuple(item for item in self.request.inputs if item.kind == "document")

    def put_artifact(self, name: str, data: bytes, *, media_type: str) -> Artifact:
        """Store bytes among this track's artifacts; the key holds the digest, so that a repeated slice stores nothing twice.

        It is stored with the slice's commit at the latest, which names it.
        """
        import hashlib

        digest = hashlib.sha256(data).hexdigest()
        key = f"missions/{self.mission_id}/{self.track}/{self.attempt}/{digest[:16]}/{name}"
        return self.keep(self.artifacts.put(key, data, media_type=media_type, with_document=True))

    def keep(self, artifact: Artifact) -> Artifact:
        """Have the slice's event name an artifact that was stored under another key."""
        self.stored[artifact.uri] = artifact.sha256
        return artifact


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened in a slice and belongs to the mission's story (``inspect``): figures and references, never content."""

    kind: str
    detail: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SliceOutcome(Generic[StateT]):
    """What a slice leaves behind. With a ``package`` the track is final; without one it goes on from ``state``."""

    state: StateT
    package: Package | None = None
    progress: str = ""
    """One line for the person who watches: what this slice found or did."""
    wait_s: float = 0
    until: datetime | None = None
    """Set by a slice that waits for the other track: the next one begins once that one offers something else than this slice heard, or
    has ended, and at this time at the latest."""
    waiting_for: str | None = None
    notes: tuple[Note, ...] = ()
    flags: tuple[str, ...] = ()
    offers: TrackOffers | None = None
    """All that the track offers the other one so far, which reads the newest when its next slice begins."""


class TrackLogic(Protocol[StateT]):
    """One track's own logic: pure of leases and epochs."""

    @property
    def state_type(self) -> type[StateT]:
        """The pydantic model of the state between slices; ``state_type()`` is the state before the first."""
        ...

    def step(self, context: SliceContext, state: StateT) -> SliceOutcome[StateT]:
        """Do the next slice. A ``KimeraError`` that is ``retryable`` leads to the same slice again; any other ends the track as FAILED."""
        ...

    def close(self, context: SliceContext, state: StateT, reason: str) -> SliceOutcome[StateT]:
        """The handoff with what there is, quickly and with a ``package``: a deadline has passed or the user cancelled."""
        ...
