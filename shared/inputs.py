"""Where uploaded inputs lie in the artifact store: by owner and content, so that the same file is stored once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from shared.artifacts import Artifact, ArtifactStore
from shared.errors import BadInput

MAX_NAME_BYTES = 200


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


def safe_name(name: str) -> str:
    """``name`` if it can be a file's name; else ``BadInput``."""
    if not name or name in (".", "..") or "/" in name or not name.isprintable() or len(name.encode()) > MAX_NAME_BYTES:
        raise BadInput(f"{name[:80]!r} cannot be the name of an input.", remedy="Use a plain file name of at most 200 bytes.")
    return name


def copy_limited(stream: IO[bytes], target: Path, *, limit: int) -> int:
    """Write ``stream`` to ``target``; the number of bytes, or ``limit + 1`` where there is more."""
    written = 0
    with target.open("wb") as out:
        while chunk := stream.read(min(1 << 20, limit + 1 - written)):
            out.write(chunk)
            written += len(chunk)
    return written
