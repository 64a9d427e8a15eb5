"""From uploads to a mission: once for each state of a manifest, whatever is delivered twice, late or in another order.

A manifest's record is written before its files are looked for. So a file that arrives at the same moment is either found there, or its
own event finds the record. What is submitted is written down before it is submitted, and its idempotency key is the manifest's bucket,
name and generation: a repeat submits the same again, and gets the same mission.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from functions.intake.event import StorageObject
from functions.intake.files import look_for, store
from functions.intake.manifest import MAX_BYTES, Manifest, is_manifest
from functions.intake.records import IntakeRecord, Intakes, IntakeStatus
from schemas.uploads import IntakeResult
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.crash_points import reached
from shared.documents import JsonMap
from shared.errors import BadInput, KimeraError, NoModelAnswer
from shared.inbox import Inbox, InboxObject, Superseded
from shared.missions.submission import Submission
from shared.queue import Task, TaskQueue

ERROR_FILE = "error.txt"
WAITING_FILE = "waiting.txt"
WAIT = timedelta(hours=24)
"""How long a manifest waits for its files."""


class Intake:
    """Takes in what is uploaded to ``inbox``, as missions of ``owner``. ``largest``: of one file, in bytes."""

    def __init__(
        self,
        inbox: Inbox,
        intakes: Intakes,
        submission: Submission,
        queue: TaskQueue,
        artifacts: ArtifactStore,
        clock: Clock,
        *,
        owner: str,
        scratch: Path,
        largest: int,
        read: Callable[[str, bytes], Manifest],
    ) -> None:
        self._inbox = inbox
        self._intakes = intakes
        self._submission = submission
        self._queue = queue
        self._artifacts = artifacts
        self._clock = clock
        self._owner = owner
        self._scratch = scratch
        self._largest = largest
        self._read = read

    def arrived(self, event: StorageObject) -> IntakeResult:
        """An upload has finished. Raises ``BadInput`` for another bucket's, and ``Unavailable``: then it is delivered again."""
        if event.bucket != self._inbox.bucket:
            raise BadInput(f"This is an event of the bucket {event.bucket}, not of {self._inbox.bucket}.", remedy="Correct the trigger.")
        folder, _, rest = event.name.partition("/")
        if not folder or not rest:
            return IntakeResult(outcome="noted", detail="it lies in no mission's folder")
        if is_manifest(event.name):
            record = self._begin(folder, event.found)
            if record.generation != event.generation or record.manifest != event.name:
                return IntakeResult(outcome="stale", mission_id=record.mission_id, detail="there is a newer manifest")
        else:
            known = self._intakes.find(folder)
            if known is None or known.status is not IntakeStatus.WAITING:
                return IntakeResult(outcome="noted", mission_id=known.mission_id if known else None, detail="no manifest waits for it")
            record = known
        return self._go_on(record)

    def expire(self, key: str, generation: int) -> IntakeResult:
        """Refuse a manifest whose files have not come, if it still waits."""
        record = self._intakes.read(key)
        if record is None or record.generation != generation or record.status is not IntakeStatus.WAITING:
            return IntakeResult(outcome="stale", mission_id=record.mission_id if record else None)
        result = self._go_on(record)
        if result.outcome != "waiting":
            return result
        hours = WAIT.total_seconds() / 3600
        missing = ", ".join(result.missing)
        return self._refuse(
            record, BadInput(f"After {hours:.0f} hours there is still no {missing}.", remedy=f"Put it there, and {record.manifest} again.")
        )

    def _begin(self, folder: str, manifest: InboxObject) -> IntakeRecord:
        """The folder's record: this manifest's, unless there is a newer one."""

        def decide(stored: IntakeRecord | None) -> IntakeRecord | None:
            if stored is not None and stored.generation >= manifest.generation:
                return None
            return IntakeRecord(
                folder=folder, manifest=manifest.name, generation=manifest.generation, size=manifest.size, since=self._clock.now()
            )

        record = self._intakes.change(folder, decide)
        assert record is not None
        reached("intake.recorded")
        return record

    def _go_on(self, record: IntakeRecord) -> IntakeResult:
        if record.status is IntakeStatus.STARTED:
            return IntakeResult(outcome="started", mission_id=record.mission_id)
        if record.status is IntakeStatus.REFUSED:
            return IntakeResult(outcome="refused", detail=record.error)
        try:
            if record.status is IntakeStatus.WAITING:
                collected = self._collect(record)
                if isinstance(collected, IntakeResult):
                    return collected
                record = collected
            return self._submit(record)
        except Superseded as error:
            return IntakeResult(outcome="stale", detail=f"{error} has changed since; its own event follows")
        except (BadInput, NoModelAnswer) as error:
            return self._refuse(record, error)

    def _collect(self, record: IntakeRecord) -> IntakeRecord | IntakeResult:
        """The record with what to submit; a result where files are missing."""
        manifest = self._manifest(record)
        named = look_for(manifest, self._inbox, record.folder)
        if named.missing:
            return self._wait(record, named.missing)
        inputs = store(named.found, self._inbox, self._artifacts, owner=self._owner, scratch=self._scratch, largest=self._largest)
        collected = {
            "status": IntakeStatus.COLLECTED,
            "request": manifest.request.model_copy(update={"inputs": inputs}),
            "pinned": {entry.name: entry.generation for entry, _ in named.found},
            "missing": (),
        }

        def decide(stored: IntakeRecord | None) -> IntakeRecord | None:
            if stored is None or stored.generation != record.generation:
                raise Superseded(record.manifest)
            if stored.status is not IntakeStatus.WAITING:
                return None  # another delivery was faster: its files count
            return stored.model_copy(update=collected)

        stored = self._intakes.change(record.folder, decide)
        assert stored is not None
        reached("intake.collected")
        return stored

    def _manifest(self, record: IntakeRecord) -> Manifest:
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="manifest-") as folder:
            target = Path(folder) / "manifest"
            self._inbox.fetch(record.manifest_object, target, limit=MAX_BYTES)
            return self._read(record.manifest.rpartition("/")[2], target.read_bytes())

    def _wait(self, record: IntakeRecord, missing: tuple[str, ...]) -> IntakeResult:
        if missing != record.missing:
            self._update(record, missing=missing)
            text = f"{record.manifest} waits for: {', '.join(missing)}\n"
            self._inbox.answer(f"{record.folder}/{WAITING_FILE}", text.encode(), media_type="text/plain; charset=utf-8")
        self._enqueue("expire", record, not_before=record.since + WAIT)
        return IntakeResult(outcome="waiting", missing=missing)

    def _submit(self, record: IntakeRecord) -> IntakeResult:
        assert record.request is not None
        digest = hashlib.sha256(f"{self._inbox.bucket}/{record.manifest}#{record.generation}".encode()).hexdigest()
        mission, _ = self._submission.submit(record.request, owner=self._owner, idempotency_key=f"intake-{digest}")
        reached("intake.submitted")
        self._update(record, status=IntakeStatus.STARTED, mission_id=mission.mission_id)
        self._enqueue("deliver", record, not_before=None)
        for answer in (WAITING_FILE, ERROR_FILE):
            self._inbox.withdraw(f"{record.folder}/{answer}")
        return IntakeResult(outcome="started", mission_id=mission.mission_id)

    def _refuse(self, record: IntakeRecord, error: KimeraError) -> IntakeResult:
        text = f"{record.manifest} did not become a mission.\n{error.message}\n{error.remedy}\n"
        self._inbox.answer(f"{record.folder}/{ERROR_FILE}", text.encode(), media_type="text/plain; charset=utf-8")
        self._inbox.withdraw(f"{record.folder}/{WAITING_FILE}")
        self._update(record, status=IntakeStatus.REFUSED, error=str(error)[:1000])
        return IntakeResult(outcome="refused", detail=str(error))

    def _update(self, record: IntakeRecord, **changes: object) -> None:
        """Change the record, unless a newer manifest has taken its place."""

        def decide(stored: IntakeRecord | None) -> IntakeRecord | None:
            same = stored is not None and stored.generation == record.generation
            return stored.model_copy(update=changes) if stored is not None and same else None

        self._intakes.change(record.folder, decide)

    def _enqueue(self, what: str, record: IntakeRecord, *, not_before: datetime | None) -> None:
        key = self._intakes.key(record.folder)
        payload: JsonMap = {"key": key, "generation": str(record.generation)}  # JSON numbers are not safe beyond 2^53
        self._queue.enqueue(Task(f"intake-{what}-{key}-{record.generation}", f"intake/{what}", payload, not_before))
