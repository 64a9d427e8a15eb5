"""A copy of the folder of ``FolderArtifacts``, while others put artifacts into it and delete some."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from shared.adapters import folder_files
from shared.adapters.folder_artifacts import MARK


def copy_artifacts(root: Path, target: Path, *, tell: Callable[[int, int], None], leave: str | None = None) -> None:
    """Copy the artifacts below ``root`` that ``target`` does not hold yet, onto the disk, as they are stored.

    ``leave`` is the key of a folder of artifacts that are not copied. ``tell`` hears of each artifact: how many files, how many bytes.
    Raises ``StorageFull``, ``Unavailable``.
    """
    source, objects = root / "objects", target / "objects"
    for place in _places(source):
        key = place.relative_to(source)
        if leave is not None and key.is_relative_to(leave):
            continue
        copied = objects / key
        with folder_files.translating(copied):
            if copied.exists():
                continue
            copied.mkdir(parents=True)
            try:
                size = sum(_copy(Path(entry), copied) for entry in os.scandir(place))
            except FileNotFoundError:  # deleted meanwhile, with the mission that it belonged to
                shutil.rmtree(copied)
                continue
        tell(1, size)


def _places(folder: Path) -> Iterator[Path]:
    """The folders of all artifacts, in order; none where they are being deleted."""
    with folder_files.translating(folder):
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        except FileNotFoundError:
            return
    for name in names:
        if name.endswith(MARK):
            yield folder / name
        else:
            yield from _places(folder / name)


def _copy(path: Path, folder: Path) -> int:
    with path.open("rb") as stream:
        return folder_files.write(folder / path.name, stream, clone=stream.fileno()).size
