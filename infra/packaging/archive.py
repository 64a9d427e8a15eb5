"""A function's source archive, as Cloud Run functions take it: ``main.py`` and ``requirements.txt`` at the top, and the packages."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.packaging.reach import files_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.manifest import FunctionRow

CHECKOUT = Path(__file__).parents[2]
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a ZIP file can hold; every entry has it, so that no clock shows."""
_UNIX = 3
_READABLE_FILE = 0o100644 << 16
_ENTRY = '''"""The entry point of the function ``{name}``, where functions-framework looks for it."""

from {module} import {entry_point}

__all__ = ["{entry_point}"]
'''


@dataclass(frozen=True, slots=True)
class Archive:
    """A built archive; its name holds its content's hash, so that another name means another content."""

    function: str
    path: Path
    sha256: str
    size: int
    files: int


def build(row: FunctionRow, folder: Path, root: Path = CHECKOUT) -> Archive:
    """The archive of one function in ``folder``: the same sources give the same bytes, whenever and wherever they are built."""
    contents = contents_of(row, root)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{row.name}.{os.getpid()}.zip"
    try:
        _write(unfinished, contents)
        data = unfinished.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        path = folder / f"{row.name}-{sha256[:16]}.zip"
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Archive(row.name, path, sha256, len(data), len(contents))


def contents_of(row: FunctionRow, root: Path = CHECKOUT) -> dict[str, bytes]:
    """What goes into the archive, by its name there."""
    lock = root / "requirements" / f"{row.dependencies}.lock"
    entry = _ENTRY.format(name=row.name, module=row.module, entry_point=row.entry_point)
    contents = {path.as_posix(): (root / path).read_bytes() for path in files_of(root, row.module)}
    return {**contents, "main.py": entry.encode(), "requirements.txt": lock.read_bytes()}


def _write(path: Path, contents: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE_FILE
            # Not compressed: what a compressor writes depends on its version, and the hash decides whether a function is deployed again.
            entry.compress_type = zipfile.ZIP_STORED
            archive.writestr(entry, contents[name])
