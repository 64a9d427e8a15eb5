"""Ctrl-C: the first asks the mission to stop and fuse what it has; the second leaves at once and says how to go on."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Self

from cli.commands import INTERRUPTED


class Interruption:
    """A context manager around the time in which a mission is watched. ``resume`` is the command that goes on with it."""

    def __init__(self, resume: str) -> None:
        self.wanted = False
        self._resume = resume
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        self._before = {
            signal.SIGINT: signal.signal(signal.SIGINT, self._interrupted),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._leave),
        }
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if callable(handler) or isinstance(handler, int) else signal.SIG_DFL)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.wanted:
            self._leave(number, frame)
        self.wanted = True

    def _leave(self, number: int, _: FrameType | None) -> None:
        # Not sys.exit: threads, executions and their sandboxes end with this very moment, and every store is made for that.
        message = f"\nLeft at once. The mission is kept; go on with:  {self._resume}\n"
        os.write(sys.stderr.fileno(), message.encode())
        os._exit(INTERRUPTED if number == signal.SIGINT else 128 + number)
