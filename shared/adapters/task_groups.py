"""Control groups that bound how many tasks a sandbox may hold, for a host that runs as root.

``RLIMIT_NPROC`` does not hold for root, and whatever looks from outside may come too late: a fork bomb leaves no processor time to the
one who counts it. The pids controller holds for everyone. Both versions of control groups are supported, see cgroups(7).
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.clock import SystemClock

PREFIX: Final = "kimera-sandbox-"
UNBOUNDED: Final = "KIMERA runs as root and may make no control groups, so that a fork bomb is ended only when it is seen: maybe too late."
UNBOUNDED_REMEDY: Final = "Run KIMERA as an ordinary user, for whom the kernel's own limit of processes holds."
_REMOVED_WITHIN_S: Final = 2.0
_CONTROLLER: Final = "pids"
_numbers = itertools.count(1)  # of this process, whatever sandboxes it has
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """One group: its members cannot start more tasks (processes and threads) than it allows."""

    folder: Path

    def entering(self, command: list[str]) -> list[str]:
        """``command`` as a member: it and all it starts are in the group from their first moment."""
        return ["/bin/sh", "-c", 'echo 0 > "$1" && shift && exec "$@"', "sh", str(self.folder / "cgroup.procs"), *command]

    def limit(self, tasks: int) -> None:
        """Allow so many, who is in it already included."""
        (self.folder / "pids.max").write_text(f"{tasks}\n", encoding="ascii")

    def remove(self) -> None:
        """Remove it, its members having ended. One that cannot be removed is left to whoever makes the next groups."""
        clock = SystemClock()
        until = clock.monotonic() + _REMOVED_WITHIN_S
        while True:
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno != errno.EBUSY or clock.monotonic() > until:
                    _log.warning("The control group %s of a sandbox that ended could not be removed (%s).", self.folder, error.strerror)
                    return
                clock.sleep(0.01)  # the kernel is still ending its members
            else:
                return


class TaskGroups:
    """Makes groups below this process's own, whose limits hold for them too. Thread-safe."""

    def __init__(self, own: Path) -> None:
        self._own = own

    def new(self) -> TaskGroup:
        """A group with nobody in it and no limit yet. ``OSError`` where none can be made."""
        folder = self._new_folder()
        try:
            if not (folder / "pids.max").exists():  # version 2, where it has to be asked for
                (self._own / "cgroup.subtree_control").write_text(f"+{_CONTROLLER}", encoding="ascii")
            if _is(folder / "cgroup.type", "domain invalid"):  # version 2, and there are processes in the group above
                (folder / "cgroup.type").write_text("threaded", encoding="ascii")
        except OSError:
            folder.rmdir()
            raise
        return TaskGroup(folder)

    def _new_folder(self) -> Path:
        while True:
            folder = self._own / f"{PREFIX}{os.getpid()}-{next(_numbers)}"
            with suppress(FileExistsError):  # left by a process that was killed, and had the number that this one has now
                folder.mkdir()
                return folder


def is_root() -> bool:
    """Whether the kernel may take this process's user for root, for whom ``RLIMIT_NPROC`` does not hold (in a container: perhaps)."""
    return os.geteuid() == 0


def find_task_groups() -> TaskGroups | None:
    """Where groups can be made: tried by making one; None where this process may not. Removes what killed processes left."""
    own = _own_group(Path("/proc/self/cgroup").read_text("utf-8"), Path("/proc/self/mountinfo").read_text("utf-8"))
    if own is None:
        return None
    _remove_left_over(own)
    groups = TaskGroups(own)
    try:
        group = groups.new()
        group.limit(1)
    except OSError as error:
        _log.debug("No control groups can be made in %s: %s", own, error)
        return None
    group.remove()
    return groups


def _own_group(memberships: str, mounts: str) -> Path | None:
    """The folder of this process's group in the hierarchy with the pids controller, as proc(5) and cgroups(7) lay these files out."""
    named = {}
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        named[controllers] = path
    unified = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(maxsplit=2)
        if kind == "cgroup" and _CONTROLLER in options.split(","):
            return next((_below(point, root, path) for names, path in named.items() if _CONTROLLER in names.split(",")), None)
        if kind == "cgroup2" and "" in named:
            unified = _below(point, root, named[""])
    return unified


def _below(point: str, root: str, path: str) -> Path | None:
    try:
        return Path(point) / Path(path).relative_to(root)
    except ValueError:
        return None  # this process is in a group that is not mounted here


def _remove_left_over(own: Path) -> None:
    for left in own.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            with suppress(OSError):  # its last members may still be ending
                left.rmdir()


def _is(file: Path, content: str) -> bool:
    try:
        return file.read_text(encoding="ascii").strip() == content
    except FileNotFoundError:
        return False
