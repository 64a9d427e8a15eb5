"""Named places where a process may be killed on purpose: the crash tests and drills prove what survives.

``KIMERA_CRASH_AT=slice.worked`` kills this process with SIGKILL the first time that point is reached, ``slice.worked:3`` the third
time. Without the variable a point costs one look-up.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = {
    "intake.recorded": "an uploaded manifest is noted, its files were not looked for yet",
    "intake.collected": "an uploaded mission's files are stored, it is not submitted yet",
    "intake.submitted": "an uploaded mission is submitted, its folder's record does not name it yet",
    "mission.created": "the mission is stored, its dispatch is not queued yet",
    "dispatch.recorded": "the epoch is marked as dispatched, its execution is not started yet",
    "mission.claimed": "the mission is RUNNING, no slice has begun",
    "slice.leased": "a slice's lease is stored, its work has not begun",
    "model.sent": "a model request's reservation is stored, the request is not sent",
    "model.received": "a model's answer is here, nothing of it is stored",
    "model.stored": "a model's answer is stored, its journal row is not settled",
    "model.answered": "a model's answer is stored and paid, its slice has nothing of it yet",
    "job.sent": "a research job's reservation is stored, the job is not begun",
    "job.started": "a research job was begun, its name is not stored",
    "job.stored": "a research job's name is stored with its reservation, its slice has nothing of it yet",
    "job.answer_stored": "what a research job came to is stored, its journal row is not settled",
    "slice.worked": "a slice's work is done, nothing of it is committed",
    "slice.committed": "a slice's result is stored, its caller does not know yet",
    "report.stored": "a report's files are stored, the mission does not name them yet",
    "report.published": "the mission names its report, the workflow does not know yet",
    "mission.completed": "the mission has ended, the workflow does not know yet",
}
_hits: Counter[str] = Counter()


def reached(point: str) -> None:
    """Die here if this is the point, and the hit, that ``KIMERA_CRASH_AT`` names."""
    wanted = os.environ.get("KIMERA_CRASH_AT")
    if not wanted:
        return
    name, _, hit = wanted.partition(":")
    if name == point:
        _hits[point] += 1
        if _hits[point] == int(hit or 1):
            os.kill(os.getpid(), signal.SIGKILL)
