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
from shared.errors import KimeraError, Unavailable
from shared.inbox import InboxObject

_EVERY_S = 1.0
_log = logging.getLogger(__name__)


class InboxWatcher:
    """Looks into the folder every second, in a thread of its own."""

    def __init__(self, inbox: Path, outbox: Path, client: httpx.Client) -> None:
        self._folders = (inbox, outbox)
        self._inbox = FolderInbox(inbox, outbox)
        self._client = client
        self._seen: dict[str, InboxObject] = {}
        self._told: dict[str, int] = {}
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
            except KimeraError as error:
                _log.warning("The inbox is looked into again later: %s", error)

    def look(self) -> None:
        """Tell of each file that is as it was at the last look, and new since it was told of."""
        now = {entry.name: entry for entry in self._inbox.list("")}
        for name, entry in now.items():
            if self._seen.get(name) == entry and self._told.get(name) != entry.generation and self._tell(entry):
                self._told[name] = entry.generation
        self._seen = now

    def _tell(self, entry: InboxObject) -> bool:
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-type": FINALIZED,
            "ce-id": f"{entry.name}#{entry.generation}".encode("ascii", "backslashreplace").decode(),
            "ce-source": "//storage.googleapis.com/projects/_/buckets/inbox",
        }
        data = {"bucket": self._inbox.bucket, "name": entry.name, "generation": str(entry.generation), "size": str(entry.size)}
        answer = self._client.post(f"{INTERNAL_ROOT}/intake/", content=json.dumps(data), headers=headers)
        if not answer.is_success:
            _log.warning("intake answered %s to %s and is told again: %s", answer.status_code, entry.name, answer.text[:300])
        return answer.is_success or answer.status_code == httpx.codes.BAD_REQUEST
