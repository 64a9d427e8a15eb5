"""Watches the inbox folder and tells ``intake`` of each file that has come to rest, by the CloudEvent that Eventarc would deliver.

What it told is kept in memory only: after a restart it tells all again, and ``intake`` knows what it has seen.
"""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import httpx

from functions.intake.event import FINALIZED
from infra.local.functions import INTERNAL_ROOT
from shared.adapters.folder_inbox import FolderInbox
from shared.clock import Clock
from shared.errors import KimeraError, Unavailable
from shared.inbox import InboxObject

_EVERY_S = 1.0
_LONGEST_S = 60.0
"""Between two tries of what fails again and again."""
_log = logging.getLogger(__name__)


class _Patience:
    """When to try again what failed: after a second, then after twice as long each time, once a minute at the most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pause_s = _EVERY_S
        self._until = 0.0
        self.failing = False

    @property
    def over(self) -> bool:
        """Whether it may be tried now."""
        return self._clock.monotonic() >= self._until

    def failed(self) -> None:
        """Wait before the next try."""
        self._pause_s = min(2 * self._pause_s, _LONGEST_S) if self.failing else _EVERY_S
        self._until = self._clock.monotonic() + self._pause_s
        self.failing = True

    def worked(self) -> bool:
        """Wait no more; whether it had failed before."""
        before, self.failing, self._until = self.failing, False, 0.0
        return before


class InboxWatcher:
    """Looks into the folder every second, in a thread of its own. What fails is tried again with growing pauses, and logged once."""

    def __init__(self, inbox: Path, outbox: Path, client: httpx.Client, clock: Clock) -> None:
        self._folders = (inbox, outbox)
        self._inbox = FolderInbox(inbox, outbox)
        self._client = client
        self._seen: dict[str, InboxObject] = {}
        self._told: dict[str, int] = {}
        self._clock = clock
        self._looking = _Patience(clock)
        self._telling: dict[str, _Patience] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimera-inbox", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        for folder in self._folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Unavailable(f"The folder {folder} cannot be used: {error.strerror}.", remedy="Choose another.") from error
        self._thread.start()

    def stop(self) -> None:
        """End, after the look that is under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - nobody else looks: no defect may end this
                _log.exception("The inbox is looked into again")
                self._looking.failed()

    def look(self) -> None:
        """Tell of each new file once nothing in its mission's folder has changed since the last look: one may still be copied there."""
        if not self._looking.over:
            return
        try:
            now = {entry.name: entry for entry in self._inbox.list("")}
        except KimeraError as error:
            if not self._looking.failing:
                _log.warning("The inbox cannot be looked into, and is tried again: %s", error)
            self._looking.failed()
            return
        if self._looking.worked():
            _log.warning("The inbox can be looked into again.")
        self._telling = {name: patience for name, patience in self._telling.items() if name in now}
        restless = {_mission_of(name) for name, entry in now.items() if self._seen.get(name) != entry}
        for name, entry in now.items():
            if _mission_of(name) not in restless and self._told.get(name) != entry.generation:
                patience = self._telling.setdefault(name, _Patience(self._clock))
                if patience.over and self._tell(entry, patience):
                    self._told[name] = entry.generation
        self._seen = now

    def _tell(self, entry: InboxObject, patience: _Patience) -> bool:
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-type": FINALIZED,
            "ce-id": f"{entry.name}#{entry.generation}".encode("ascii", "backslashreplace").decode(),
            "ce-source": "//storage.googleapis.com/projects/_/buckets/inbox",
        }
        data = {"bucket": self._inbox.bucket, "name": entry.name, "generation": str(entry.generation), "size": str(entry.size)}
        answer = self._client.post(f"{INTERNAL_ROOT}/intake/", content=json.dumps(data), headers=headers)
        if answer.is_success or answer.status_code == httpx.codes.BAD_REQUEST:
            patience.worked()
            return True
        if not patience.failing:
            _log.warning("intake answered %s to %s and is told again: %s", answer.status_code, entry.name, answer.text[:300])
        patience.failed()
        return False


def _mission_of(name: str) -> str:
    """The first folder of a file's path: one mission's files lie in it."""
    return name.partition("/")[0]
