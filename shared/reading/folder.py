"""Which files of a folder are documents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shared.errors import BadInput, NotFound
from shared.reading.formats import READABLE, SUFFIXES

MAX_FILES = 10_000


def documents_in(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The given files, and of the given folders the documents in them, at any depth, by name; hidden ones and links are left out.

    ``NotFound`` for a path that is not there, ``BadInput`` for a folder without a document or with more than ``MAX_FILES``.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise NotFound(f"There is no file or folder {path}.", remedy="Check the spelling.")
        if path.is_file():
            found[path] = None
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and _plain_file(p, path))
        if not inside:
            raise BadInput(f"The folder {path} holds no document.", remedy=READABLE)
        found.update(dict.fromkeys(inside))
    if len(found) > MAX_FILES:
        raise BadInput(f"These are {len(found):,} documents; at most {MAX_FILES:,} are taken at a time.", remedy="Give a smaller folder.")
    return tuple(found)


def _plain_file(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and not path.is_symlink() and path.is_file()
