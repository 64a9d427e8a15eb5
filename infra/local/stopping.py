"""How a signal ends the server: it is heard where the server waits, between two things to do, and interrupts none of them.

A handler that raises does so wherever the main thread is by then: in the start of a thread, say, which nobody could wait for any more.
Until the server waits, a signal ends the process at once: what an earlier process left is made for that.
"""

from __future__ import annotations

import signal
import socket
from types import FrameType
from typing import Final

from waitress.wasyncore import dispatcher

_TO_STOP: Final = (signal.SIGTERM, signal.SIGINT)


class StopRequest(dispatcher):  # type: ignore[misc] # it has no types
    """Something that the loop of a server listens to, among its ``channels``. The second SIGTERM or SIGINT does not wait."""

    def __init__(self, channels: dict[int, dispatcher]) -> None:
        heard, self._asking = socket.socketpair()
        super().__init__(heard, channels)

    def listen_to_signals(self) -> None:
        """From now on SIGTERM and SIGINT ask the server to stop."""
        for number in _TO_STOP:
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        _wait_for_nothing()
        self._asking.send(b"!")

    def ask(self) -> None:
        """Ask the server to stop, from any thread."""
        self._asking.send(b"!")

    def writable(self) -> bool:
        """See ``dispatcher``: it has nothing to say."""
        return False

    def handle_read(self) -> None:
        """See ``dispatcher``. This is the word by which waitress ends its loop."""
        raise KeyboardInterrupt

    def close(self) -> None:
        """See ``dispatcher``."""
        _wait_for_nothing()
        super().close()
        self._asking.close()


def _wait_for_nothing() -> None:
    """Let the next signal end this process at once."""
    for number in _TO_STOP:
        signal.signal(number, signal.SIG_DFL)
