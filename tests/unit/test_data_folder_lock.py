"""The lock of a data folder where the disk is full: named, let go of, nothing half taken."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from infra.local.lock import DataFolderLock, Holder
from shared.errors import StorageFull


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
