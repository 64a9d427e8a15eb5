"""A run's folder (``--out``): each attempt that ended is a JSON line; a second call goes on where the first one stopped.

``run.json`` says what the run is (a call with other options is refused), ``results.jsonl`` holds the attempts, ``missions`` is the data
folder, and ``summary.json`` is written at the end. A line that a kill cut off is dropped; its mission is found again by its key.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from infra.local.quality.results import Attempt
from infra.local.quality.tasks import Task
from infra.local.reports import require_writable
from shared.documents import Json
from shared.errors import BadInput

RUN, RESULTS, SUMMARY, MISSIONS = "run.json", "results.jsonl", "summary.json", "missions"


class RunFolder:
    """The stored attempts of one run. ``BadInput`` where the folder belongs to another run."""

    def __init__(self, folder: Path, run: Mapping[str, Json]) -> None:
        require_writable(folder)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._require_same(run)
        self._results = folder / RESULTS
        self._attempts = self._read()

    @property
    def home(self) -> Path:
        """The data folder of its missions."""
        return self._folder / MISSIONS

    @property
    def spent_micro_usd(self) -> int:
        """What the stored attempts have cost."""
        return sum(attempt.cost_micro_usd for attempt in self._attempts.values())

    def find(self, task: Task, repeat: int) -> Attempt | None:
        """The stored attempt. ``BadInput`` where the task has changed since."""
        attempt = self._attempts.get((task.name, repeat))
        if attempt is not None and attempt.fingerprint != fingerprint(task):
            raise BadInput(f"The task {task.name} has changed since {self._results} was written.", remedy="Choose another --out folder.")
        return attempt

    def add(self, attempt: Attempt) -> None:
        """Store it durably. One caller at a time."""
        with self._results.open("a", encoding="utf-8") as stream:
            stream.write(attempt.model_dump_json() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._attempts[attempt.task, attempt.repeat] = attempt

    def finish(self, summary: Mapping[str, Json]) -> Path:
        """Write the summary; a later run can be compared with it."""
        path = self._folder / SUMMARY
        path.write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return path

    def _require_same(self, run: Mapping[str, Json]) -> None:
        path = self._folder / RUN
        if not path.exists():
            if any(self._folder.iterdir()):
                raise BadInput(f"--out: {self._folder} holds other things.", remedy="Choose a folder that is empty or not there yet.")
            path.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
            return
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadInput(f"--out: {path} is no JSON.", remedy="Choose another folder.") from error
        other = [name for name in sorted(run) if not isinstance(stored, dict) or stored.get(name) != run[name]]
        if other:
            raise BadInput(
                f"--out: {self._folder} holds another run; it differs in {', '.join(other)}.",
                remedy="Give the same suite and options to go on with it, or choose another folder.",
            )

    def _read(self) -> dict[tuple[str, int], Attempt]:
        if not self._results.exists():
            return {}
        data = self._results.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            os.truncate(self._results, len(whole))
        found: dict[tuple[str, int], Attempt] = {}
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                attempt = Attempt.model_validate_json(line)
            except ValidationError as error:
                raise BadInput(f"{self._results}, line {number} is no attempt.", remedy="Remove the line; it is run again.") from error
            found[attempt.task, attempt.repeat] = attempt
        return found


def fingerprint(task: Task) -> str:
    """The same for the same question, checks and files."""
    digest = hashlib.sha256(task.content.model_dump_json().encode())
    for path in (*task.data, *task.documents):
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else path.name.encode())
    return digest.hexdigest()
