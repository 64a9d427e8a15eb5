"""The inbox folder of a served platform: ``<name>/mission.yaml`` with its files starts a mission, its report lands in the outbox.

A folder is taken once its manifest and all files it names are there and have been still for a moment. An invalid manifest is
answered with ``<name>/error.txt`` and looked at again only when it changes. The same content is one mission, however often it is
put there: the request itself is the idempotency key. What became of a folder is kept in ``<name>/.kimera.json``, so that a
restart of the platform neither repeats nor forgets it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.api import MissionsApi
from infra.local.files import LocalFile, collect
from infra.local.inbox_manifest import Manifest, find_manifest, read_manifest
from infra.local.reports import save_report, write_folder
from schemas.mission import MissionState
from shared.artifacts import ArtifactStore
from shared.documents import Json
from shared.errors import KimeraError, NotFound, Unavailable
from shared.inputs import store_input
from shared.settings import Settings

ERROR_FILE = "error.txt"
WAITING_FILE = "waiting.txt"
_RECORD_FILE = ".kimera.json"
_EVERY_S = 1.0
_log = logging.getLogger(__name__)

Signature = tuple[tuple[str, int, int], ...]
"""Name, size and time of change of every file concerned."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where manifests come in and where reports go."""

    inbox: Path
    outbox: Path


@dataclass(slots=True)
class _Folder:
    """What is known of one folder of the inbox."""

    seen: Signature = ()
    refused: Signature = ()
    mission_id: str | None = None
    taken: Signature = ()
    delivered: bool = False
    loaded: bool = field(default=False)


class Inbox:
    """Looks into the folder every second, in a thread of its own. ``owner`` is whose missions these are."""

    def __init__(self, places: Places, settings: Settings, api: MissionsApi, artifacts: Callable[[], ArtifactStore], owner: str) -> None:
        self._places = places
        self._settings = settings
        self._api = api
        self._artifacts = artifacts
        self._owner = owner
        self._known: dict[str, _Folder] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimera-inbox", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        for folder in (self._places.inbox, self._places.outbox):
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
            self.look()

    def look(self) -> None:
        """One round over all folders; what fails in one stops no other, and is tried again."""
        for folder in self._folders():
            try:
                self._look_at(folder, self._known.setdefault(folder.name, _Folder()))
            except (KimeraError, OSError) as error:
                _log.warning("The inbox folder %s is tried again later: %s", folder.name, error)

    def _folders(self) -> Iterator[Path]:
        try:
            yield from sorted(p for p in self._places.inbox.iterdir() if p.is_dir() and not p.name.startswith("."))
        except OSError as error:
            _log.warning("The inbox cannot be read: %s", error)

    def _look_at(self, folder: Path, known: _Folder) -> None:
        manifest_file = find_manifest(folder)
        if manifest_file is None:
            return
        if not known.loaded:
            _load(folder, known)
        if known.mission_id is not None and not known.delivered:
            self._deliver(folder, known)
        head = _signature(folder, [manifest_file])
        if head == known.refused:
            return
        try:
            manifest = read_manifest(manifest_file, self._settings)
            if _waits(folder, manifest):
                return
            files = collect(manifest.data, manifest.documents)
        except KimeraError as error:
            if head == known.seen[: len(head)]:  # else it may be half written
                known.refused = head
                _refuse(folder, error)
            known.seen = head
            return
        now = head + _signature(folder, [file.path for file in files])
        if now == known.taken:
            return
        if now != known.seen:  # new, or still growing
            known.seen = now
            return
        self._take(folder, known, manifest, files, now)

    def _take(self, folder: Path, known: _Folder, manifest: Manifest, files: list[LocalFile], now: Signature) -> None:
        try:
            inputs = [self._input(file) for file in files]
            body: dict[str, Json] = {**manifest.request.model_dump(mode="json", exclude={"inputs"}), "inputs": inputs}
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            accepted = self._api.submit(body, idempotency_key=f"inbox-{digest}")
        except Unavailable:
            raise
        except KimeraError as error:
            known.refused = _signature(folder, [path for path in [find_manifest(folder)] if path])
            _refuse(folder, error)
            return
        (folder / ERROR_FILE).unlink(missing_ok=True)
        known.mission_id, known.taken, known.delivered = accepted.mission_id, now, False
        _save(folder, known)

    def _input(self, file: LocalFile) -> Json:
        stored = store_input(self._artifacts(), owner=self._owner, name=file.name, source=file.path)
        return {"uri": stored.uri, "kind": file.kind, "name": file.name, "sha256": stored.sha256, "size": stored.size}

    def _deliver(self, folder: Path, known: _Folder) -> None:
        assert known.mission_id is not None
        try:
            state = self._api.state(known.mission_id)
        except NotFound:  # it was deleted
            known.delivered = True
            return
        if not state.status.terminal:
            return
        target = self._places.outbox / folder.name
        if state.reports:
            save_report(self._api, state, target, self._artifacts())
        write_folder(target, {"status.json": (state.model_dump_json(indent=1) + "\n").encode(), **_why(state)})
        known.delivered = True
        _save(folder, known)


def _waits(folder: Path, manifest: Manifest) -> bool:
    """Whether files are missing; then ``waiting.txt`` names them."""
    note = folder / WAITING_FILE
    if manifest.missing:
        text = "Waiting for: " + ", ".join(str(path.relative_to(folder)) for path in manifest.missing) + "\n"
        if not note.exists() or note.read_text() != text:
            note.write_text(text)
        return True
    note.unlink(missing_ok=True)
    return False


def _why(state: MissionState) -> dict[str, bytes]:
    if state.error is None:
        return {}
    return {ERROR_FILE: f"The mission is {state.status}.\n{state.error.message}\n{state.error.remedy}\n".encode()}


def _refuse(folder: Path, error: KimeraError) -> None:
    (folder / ERROR_FILE).write_text(f"This folder did not become a mission.\n{error.message}\n{error.remedy}\n", encoding="utf-8")


def _signature(folder: Path, paths: list[Path]) -> Signature:
    found = []
    for path in paths:
        about = path.stat()
        found.append((str(path.relative_to(folder) if path.is_relative_to(folder) else path), about.st_size, about.st_mtime_ns))
    return tuple(found)


def _load(folder: Path, known: _Folder) -> None:
    known.loaded = True
    try:
        kept = json.loads((folder / _RECORD_FILE).read_bytes())
        known.mission_id, known.delivered = str(kept["mission_id"]), bool(kept["delivered"])
        known.taken = tuple((str(n), int(s), int(t)) for n, s, t in kept["files"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # a folder that is new


def _save(folder: Path, known: _Folder) -> None:
    kept = {"mission_id": known.mission_id, "delivered": known.delivered, "files": known.taken}
    write_folder(folder, {_RECORD_FILE: json.dumps(kept).encode()})
