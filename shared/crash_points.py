"""Named places where a process may be killed on purpose: the crash tests and drills prove what survives.

``KIMERA_CRASH_AT=slice.worked`` kills this process with SIGKILL the first time that point is reached, ``slice.worked:3`` the third
time. ``model.sent@ds_star.coder`` counts only what happens to that role (the id of its prompt). Of several, separated by commas, the one
that is reached first counts; stderr says which. Without the variable a point costs one look-up.
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
    "letter.replayed": "a dead letter's message is handed over again, its letter does not tell of it yet",
}
_hits: Counter[str] = Counter()


def reached(point: str, of: str = "") -> None:
    """Die here if this is a point, and the hit of it, that ``KIMERA_CRASH_AT`` names. ``of``: the role that it happens to."""
    wanted = os.environ.get("KIMERA_CRASH_AT")
    if not wanted:
        return
    for place in wanted.split(","):
        name, _, hit = place.partition(":")
        if name in (point, f"{point}@{of}"):
            _hits[name] += 1
            if _hits[name] == int(hit or 1):
                os.write(2, f"killed at {place}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)
