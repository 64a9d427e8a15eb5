"""Places at an endpoint of one's own: files with locks of the kernel, so that all processes of a data folder count together.

The kernel lets go of the lock of a process that dies, however it dies: no place is ever lost.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from shared.errors import Unavailable


class EndpointPlaces:
    """``count`` places in ``folder``; see ``shared.models.turn.Places``."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.count = count

    def take(self) -> int | None:
        """See ``Places.take``."""
        for number in range(1, self.count + 1):
            if (place := self._locked(f"place-{number}.lock", fcntl.LOCK_EX)) is not None:
                return place
        return None

    def line_up(self) -> int:
        """See ``Places.line_up``."""
        waiting = self._locked("waiting.lock", fcntl.LOCK_SH)
        if waiting is None:  # somebody looks whether anybody waits, for a moment
            waiting = self._open("waiting.lock")
        return waiting

    def somebody_waits(self) -> bool:
        """See ``Places.somebody_waits``."""
        nobody = self._locked("waiting.lock", fcntl.LOCK_EX)
        if nobody is None:
            return True
        os.close(nobody)
        return False

    def leave(self, place: int) -> None:
        """See ``Places.leave``."""
        os.close(place)

    def _locked(self, name: str, kind: int) -> int | None:
        """The file with its lock, ``None`` where somebody else has that."""
        fd = self._open(name)
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError as error:  # a file system without locks
            os.close(fd)
            raise _unusable(error) from error
        return fd

    def _open(self, name: str) -> int:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unusable(error) from error


def _unusable(error: OSError) -> Unavailable:
    return Unavailable(
        f"The files that count the questions to the endpoint cannot be used: {error.strerror}.",
        remedy="They lie in the data folder, in `endpoint`; choose another data folder with KIMERA_HOME.",
    )
