"""What a slice is at, for those who watch its mission: told while it works, and shown until it is committed.

A slice may take a minute, and its track's document says nothing new before its commit. So it leaves a word in a document of its own, where
it contends with nobody: none in its first seconds, then at most one every few. A request that is under way needs none, since the journal
has it. Nothing depends on a word: where it cannot be stored, the slice goes on without.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from types import TracebackType
from typing import Self

from shared.documents import DocumentStore, Query, Ref, Where
from shared.errors import Corrupt, KimeraError
from shared.missions.records import ACTIVITY, JOURNAL, MissionRecord, TrackRecord, slice_id

EVERY_S = 5.0
"""The shortest time between two words of a slice, and from its begin to the first."""
_END_S = 2.0
_MAX_CHARS = 200
_log = logging.getLogger(__name__)


class Activity:
    """The words of one slice: a context manager. A thread stores them, so that none costs the slice any time."""

    def __init__(self, documents: DocumentStore, track: TrackRecord) -> None:
        """``track``: as it is stored while the slice works, with its lease."""
        assert track.lease is not None, "a slice works under a lease"
        self._documents = documents
        self._ref = activity_ref(track)
        self._known = {"mission_id": track.mission_id, "holder": track.lease.holder}
        self._text = ""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def say(self, text: str) -> None:
        """What the slice is at from now on; nothing in particular where ``text`` is empty."""
        with self._lock:
            self._text = text[:_MAX_CHARS]
            if self._thread is None:
                thread = threading.Thread(target=self._store, name="kimera-activity", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # the machine has no thread left for it now; the next word tries again
                    _log.info("What a slice of %s is at is not stored: %s", self._ref.id, error)
                    return
                self._thread = thread

    def _store(self) -> None:
        stored = ""
        while not self._ended.wait(EVERY_S):
            text = self._text
            if text == stored:
                continue
            stored = text
            try:
                self._documents.put(self._ref, {**self._known, "text": text})
            except KimeraError as error:
                _log.info("What a slice of %s is at could not be stored: %s", self._ref.id, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(_END_S)


def activity_ref(track: TrackRecord) -> Ref:
    """Where what an attempt's slice is at is stored."""
    return Ref(ACTIVITY, track.ref.id)


def at_work_on(documents: DocumentStore, mission: MissionRecord, track: TrackRecord, *, now: datetime) -> str:
    """What the slice that works on the track is at; empty where none does, where it has just begun, and where it has not said."""
    lease = track.lease
    if lease is None or lease.until < now or (now - track.updated_at).total_seconds() < EVERY_S:
        return ""
    try:
        asked = _asked(documents, track) if mission.request.may_buy else ""
        return asked or _said(documents, track, lease.holder)
    except Corrupt as error:  # whoever needs what is damaged says so
        _log.warning("What a slice of %s is at cannot be read: %s", mission.mission_id, error)
        return ""


def _said(documents: DocumentStore, track: TrackRecord, holder: str) -> str:
    document = documents.get(activity_ref(track))
    return str(document.data.get("text", "")) if document is not None and document.data.get("holder") == holder else ""


def _asked(documents: DocumentStore, track: TrackRecord) -> str:
    """Who is asked just now, and in which role."""
    of = Where("slice_id", "==", slice_id(track.mission_id, track.track.value, track.attempt, track.next_seq))
    rows = documents.query(Query(JOURNAL, (of, Where("state", "==", "SENT"))))
    roles = sorted({f"{row.data.get('model')} ({row.data.get('role')})" for row in rows})
    return f"asking {', '.join(roles)}" + (f", {len(rows)} at once" if len(rows) > 1 else "") if rows else ""
