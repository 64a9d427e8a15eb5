"""One platform for each data folder: a lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.clock import Clock, SystemClock
from shared.errors import DataFolderInUse, StorageFull, Unavailable

_LEFT_S, _LOOK_S = 15.0, 0.05
"""How long the workers of a platform that was killed may take to notice: a moment each, and some more where nothing has a processor."""
_LOOKS = 100
"""How often the lock is tried that nobody holds: whoever looks who holds it (``holder``) is in the way for some microseconds."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs on the data folder. ``url`` is where it answers; empty for a ``kimera run``, which serves nobody else."""

    pid: int
    command: str
    url: str = ""

    @property
    def lives(self) -> bool:
        """Whether its process is there, as far as it is known; a worker of one that was killed holds the lock a moment longer."""
        return not self.pid or Path(f"/proc/{self.pid}").exists()


class DataFolderLock:
    """Held from ``acquire`` until ``release`` or the end of the process."""

    def __init__(self, home: Path, clock: Clock | None = None) -> None:
        self._path = home / "platform.lock"
        self._clock = clock or SystemClock()
        self._fd: int | None = None

    def acquire(self, holder: Holder) -> None:
        """Take the lock; ``DataFolderInUse`` names who has it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(
                f"The data folder {self._path.parent} cannot be used: {error.strerror}.", remedy="Choose another with KIMERA_HOME."
            ) from error
        self._after_leftovers()
        if not self._taken(fd):
            os.close(fd)
            raise _in_use(self._path.parent, self.holder())
        try:
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(asdict(holder)).encode())
        except OSError as error:
            os.close(fd)
            raise StorageFull(
                f"There is no room left for {self._path}: {error.strerror}.", remedy="Free some space and try again; nothing was lost."
            ) from error
        self._fd = fd

    def _taken(self, fd: int) -> bool:
        """Whether the lock is ours now; what only looks at it is none that runs on the data folder."""
        for _ in range(_LOOKS):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.holder() is not None:
                    return False
                self._clock.sleep(_LOOK_S)
            else:
                return True
        return False

    @property
    def fd(self) -> int:
        """What a child process holds on to so that the lock lasts as long as it lives, too."""
        assert self._fd is not None, "the lock is held"
        return self._fd

    @property
    def in_place(self) -> bool:
        """Whether what is held is still the lock of this folder: not where somebody removed or replaced the folder, or the file in it."""
        held = os.fstat(self.fd)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        except OSError:
            return True  # a file system that does not answer is not a folder that is gone
        return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)

    def require_free(self) -> None:
        """``DataFolderInUse`` where somebody holds the lock. What a platform that was killed has left is given a moment to end."""
        holder = self._after_leftovers()
        if holder is not None:
            raise _in_use(self._path.parent, holder)

    def _after_leftovers(self) -> Holder | None:
        """Who holds the lock; one that is dead, and whose workers hold it, only where they do not end."""
        until = self._clock.monotonic() + _LEFT_S
        while (holder := self.holder()) is not None and not holder.lives and self._clock.monotonic() < until:
            self._clock.sleep(_LOOK_S)
        return holder

    def release(self) -> None:
        """Let go; nothing happens where it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def holder(self) -> Holder | None:
        """Who holds the lock now, if anybody."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            text = os.pread(fd, 4_096, 0)
            try:
                return Holder(**json.loads(text))
            except (ValueError, TypeError):
                return Holder(pid=0, command="kimera")
        finally:
            os.close(fd)


def _in_use(home: Path, holder: Holder | None) -> DataFolderInUse:
    if holder is not None and not holder.lives:
        return DataFolderInUse(
            f"The data folder {home} is held by `{holder.command}` (process {holder.pid}), or by a process that it left when it died.",
            remedy="Wait for its end; `fuser` with the folder's platform.lock shows who it is.",
        )
    who = f"`{holder.command}` (process {holder.pid}{', ' + holder.url if holder.url else ''})" if holder else "another process"
    remedy = "Use `kimera submit` with it, stop it," if holder and holder.url else "Wait for it,"
    return DataFolderInUse(
        f"{who} is already running on the data folder {home}.", remedy=f"{remedy} or choose another folder with KIMERA_HOME."
    )
