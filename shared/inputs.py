"""Where uploaded inputs lie in the artifact store: by owner and content, so that the same file is stored once."""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shared.artifacts import Artifact, ArtifactStore
from shared.errors import BadInput, Corrupt, InputUnreadable, NotFound

MAX_NAME_BYTES = 200
MAX_UPLOAD_BYTES = 4 << 30
DATA_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".parquet", ".sqlite", ".sqlite3", ".db"})
"""What a folder of data is searched for; a file that is named itself may be called anything."""
_DAMAGED = "it is damaged; what is stored of it is not what was given"
_GIVE_AGAIN = "Give the file again, in a new mission."
_log = logging.getLogger(__name__)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of controls, direction marks, halves of pairs, what has no meaning, and line and paragraph separators."""


def input_prefix(owner: str) -> str:
    """The prefix of all inputs of an owner."""
    return f"inputs/{hashlib.sha256(owner.encode()).hexdigest()[:16]}/"


def store_input(artifacts: ArtifactStore, *, owner: str, name: str, source: Path, seen: Callable[[int], None] | None = None) -> Artifact:
    """The file as an input of the owner. A repeated upload of equal bytes gives the stored one. ``seen`` hears how many bytes are read."""
    digest = hashlib.sha256()
    size = 0
    with source.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
            if seen is not None:
                seen(size)
    return artifacts.put_file(f"{input_prefix(owner)}{digest.hexdigest()}/{safe_name(name)}", source)


@contextmanager
def reading_input(name: str, uri: str) -> Iterator[None]:
    """An input that turns out damaged or gone is ``InputUnreadable``: called what the user called it, since reports repeat that."""
    try:
        yield
    except Corrupt as error:
        _log.warning("The input %r, %s, is damaged: %s", name, uri, error.place or error.message)
        raise InputUnreadable(f"{name}: {_DAMAGED}.", remedy=_GIVE_AGAIN) from error
    except NotFound as error:
        _log.warning("The input %r, %s, is gone: %s", name, uri, error.message)
        raise InputUnreadable(f"{name}: it is not stored any more.", remedy=_GIVE_AGAIN) from error


def safe_name(name: str) -> str:
    """``name`` if it can be a file's name; else ``BadInput``, which says why not."""
    wrong = _what_is_wrong(name)
    if wrong:
        raise BadInput(
            f"{name[:80]!a} cannot be the name of an input: {wrong}.",
            remedy=f"Use a plain file name of at most {MAX_NAME_BYTES} bytes, such as sales.csv.",
        )
    return name


def copy_limited(stream: IO[bytes], target: Path, *, limit: int) -> int:
    """Write ``stream`` to ``target``; the number of bytes, or ``limit + 1`` where there is more."""
    written = 0
    with target.open("wb") as out:
        while chunk := stream.read(min(1 << 20, limit + 1 - written)):
            out.write(chunk)
            written += len(chunk)
    return written


def _what_is_wrong(name: str) -> str:
    """Why it cannot be a name: it could lead elsewhere, break a line, or show another name than it is."""
    for character in name:
        if character == "\ufffd":
            return "it is not valid UTF-8"
        if unicodedata.category(character) in _UNSEEN:
            return f"it holds {_called(character)}, which cannot be seen"
    if not name or name.isspace():
        return "it is empty"
    if "/" in name or "\\" in name:
        return "it holds a path separator"
    if name in (".", ".."):
        return "it leads to a folder"
    if name.endswith("@"):
        return "it ends with '@', which the store keeps for itself"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it has {len(name.encode())} bytes"
    return ""


def _called(character: str) -> str:
    name = unicodedata.name(character, "a control character" if unicodedata.category(character) == "Cc" else "an unassigned character")
    return f"{name} (U+{ord(character):04X})"
