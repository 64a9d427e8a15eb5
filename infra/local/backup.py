"""A copy of the data folder that can be used in its place, made while a platform works on it.

What is copied later may be newer than what was copied before, never older where it matters: a document names artifacts that were stored
before it, an anchor of the audit names events that were stored before it. So the anchors come first, then the documents, then the rest.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shared.adapters import folder_files
from shared.adapters.folder_backup import copy_artifacts
from shared.adapters.sqlite_backup import back_up as back_up_database
from shared.errors import BadInput
from shared.missions.anchors import ANCHORS


@dataclass
class Copied:
    """What is in the copy by now; ``databases`` in bytes by name."""

    databases: dict[str, int] = field(default_factory=dict)
    files: int = 0
    size: int = 0


def back_up(home: Path, target: Path, tell: Callable[[Copied], None]) -> Copied:
    """Copy what missions, knowledge and telemetry are in the data folder ``home`` to the new folder ``target``, onto the disk.

    The copy has its name when it is whole; one that was cut off is called ``<target>.partial-...``. ``tell`` hears of the progress.
    Raises ``BadInput``, ``Corrupt``, ``StorageFull``, ``Unavailable``.
    """
    _require_free(home, target)
    with folder_files.translating(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.partial-", dir=target.parent))
    try:
        copied = _copy(home, draft, tell)
        with folder_files.translating(target):
            draft.chmod(home.stat().st_mode & 0o777)
            draft.rename(target)
            folder_files.flush_folder(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return copied


def _require_free(home: Path, target: Path) -> None:
    if target.resolve().is_relative_to(home.resolve()):
        raise BadInput(f"{target} is in the data folder itself.", remedy="Name a folder outside it, best on another disk.")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise BadInput(f"{target} is there already.", remedy="Name a new folder: nothing is overwritten.")


def _copy(home: Path, draft: Path, tell: Callable[[Copied], None]) -> Copied:
    copied = Copied()

    def told(files: int, size: int) -> None:
        copied.files += files
        copied.size += size
        tell(copied)

    artifacts = home / "artifacts"
    copy_artifacts(artifacts, draft / "artifacts", tell=told)
    # An earlier version kept small artifacts in a file of their own; whoever opens the copy first takes them over.
    for name in ("kimera.sqlite3", "knowledge.sqlite3", "artifacts/packed.sqlite3"):
        if (home / name).exists():
            (draft / name).parent.mkdir(exist_ok=True)
            copied.databases[name] = back_up_database(home / name, draft / name)
            tell(copied)
    copy_artifacts(artifacts, draft / "artifacts", tell=told, leave=ANCHORS)
    _copy_telemetry(home / "telemetry", draft / "telemetry", told)
    return copied


def _copy_telemetry(source: Path, target: Path, tell: Callable[[int, int], None]) -> None:
    """The lines that are there by now; whoever reads them leaves out a last one that is cut off."""
    for path in sorted(source.glob("*.jsonl")):
        with folder_files.translating(target):
            target.mkdir(exist_ok=True)
            shutil.copyfile(path, target / path.name)
            tell(1, (target / path.name).stat().st_size)
