"""The emulated Cloud Tasks as a component: our own server, since no other keeps names from being used twice."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from infra.local.emulated.component import Component, answers_tcp


class TasksEmulator(Component):
    """Cloud Tasks. Tasks survive a kill; what was being delivered then is delivered again."""

    name = "tasks"

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "infra.local.emulated.tasks_server", "--port", str(self.port), "--home", str(self.home))

    def serves(self) -> bool:
        return answers_tcp(self.port)
