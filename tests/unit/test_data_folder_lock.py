"""The lock of a data folder: on a full disk nothing is half taken, and what a dead holder has left is waited for."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.lock import DataFolderLock, Holder
from shared.errors import DataFolderInUse, StorageFull
from tests.support.clock import FrozenClock


def test_a_full_disk_is_named_and_the_lock_is_free_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    holder = Holder(pid=os.getpid(), command="test")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StorageFull, match=f"no room left for {tmp_path}"):
            DataFolderLock(tmp_path).acquire(holder)
    lock = DataFolderLock(tmp_path)
    lock.acquire(holder)
    assert DataFolderLock(tmp_path).holder() == holder
    lock.release()


@pytest.mark.parametrize("wants", [DataFolderLock.require_free, lambda lock: lock.acquire(Holder(pid=os.getpid(), command="kimera run"))])
def test_what_a_dead_holder_has_left_is_waited_for_and_then_told_as_such(tmp_path: Path, wants: Callable[[DataFolderLock], None]) -> None:
    clock, lock = FrozenClock(), DataFolderLock(tmp_path)
    lock.acquire(Holder(pid=2**30, command="kimera serve"))
    with pytest.raises(DataFolderInUse, match="or by a process that it left when it died"):
        wants(DataFolderLock(tmp_path, clock))
    assert sum(clock.slept) > 10
    lock.release()


def test_a_living_holder_is_not_waited_for(tmp_path: Path) -> None:
    clock, lock = FrozenClock(), DataFolderLock(tmp_path)
    lock.acquire(Holder(pid=os.getpid(), command="kimera serve", url="http://127.0.0.1:1"))
    with pytest.raises(DataFolderInUse, match="is already running"):
        DataFolderLock(tmp_path, clock).require_free()
    assert clock.slept == []
    lock.release()


def test_who_only_looks_who_holds_the_lock_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    looking = os.open(tmp_path / "platform.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)  # as `kimera status` does, at the very moment that `kimera serve` starts

    class LookedMeanwhile(FrozenClock):
        def sleep(self, seconds: float) -> None:
            fcntl.flock(looking, fcntl.LOCK_UN)
            super().sleep(seconds)

    lock, holder = DataFolderLock(tmp_path, LookedMeanwhile()), Holder(pid=os.getpid(), command="kimera serve")
    lock.acquire(holder)
    assert DataFolderLock(tmp_path).holder() == holder
    lock.release()
    os.close(looking)
