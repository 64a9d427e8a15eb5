"""Ctrl-C and SIGTERM: they end the drill that runs at once, and wait while what it started is ended. A second one ends everything."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn, Self


class Interruption:
    """A context manager around all drills. ``wanted`` says that no other drill may begin, ``cut_off`` that one was ended half-way."""

    def __init__(self) -> None:
        self.wanted = False
        self.cut_off = False
        self._raises = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._asked) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if callable(handler) or isinstance(handler, int) else signal.SIG_DFL)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Inside, an interruption is a ``KeyboardInterrupt``, also one that was wanted before; outside it is only noted."""
        self._raises = True
        try:
            if self.wanted:
                self._cut_off()
            yield
        finally:
            self._raises = False

    def _asked(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second time it does not wait
        self.wanted = True
        if self._raises:
            self._cut_off()

    def _cut_off(self) -> NoReturn:
        self.cut_off = True
        raise KeyboardInterrupt
