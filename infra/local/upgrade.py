"""A data folder that an earlier version left is taken over as soon as nobody else uses it."""

from __future__ import annotations

import os
from pathlib import Path

from infra.local.lock import DataFolderLock, Holder
from shared.errors import Unavailable
from shared.runtime import Runtime


def upgrade(runtime: Runtime) -> None:
    """Bring the data folder up to date, whose lock the caller holds. Raises ``Corrupt``, ``StorageFull`` or ``Unavailable``."""
    packed = _packed(runtime)
    if runtime.settings.profile == "embedded" and packed.exists():
        from shared.adapters.packed_artifacts import PackedArtifacts

        artifacts = runtime.artifacts
        assert isinstance(artifacts, PackedArtifacts), "what the embedded profile stores in"
        artifacts.take_over(packed)


def upgrade_alone(runtime: Runtime) -> None:
    """The same for a command that does not hold the lock; ``DataFolderInUse`` names who has it."""
    packed = _packed(runtime)
    if runtime.settings.profile != "embedded" or not packed.exists():
        return
    from shared.adapters.sqlite_read_only import may_only_be_read

    if may_only_be_read(packed) or may_only_be_read(runtime.home / "kimera.sqlite3"):
        raise Unavailable(
            f"An earlier version of KIMERA left the data folder {runtime.home}, and it has to be brought up to date before it is read.",
            remedy="Copy it to a place that you may write to, and set KIMERA_HOME to that.",
        )
    lock = DataFolderLock(runtime.home)
    lock.acquire(Holder(pid=os.getpid(), command="kimera"))
    try:
        upgrade(runtime)
    finally:
        lock.release()


def _packed(runtime: Runtime) -> Path:
    """Where versions of layout 1 may have kept small artifacts."""
    return runtime.home / "artifacts" / "packed.sqlite3"
