"""The ``ArtifactStore`` port: immutable bytes under a key, with their sha256.

Packages, answers, scripts, charts and inputs live here; documents hold a URI and a sha256. Adapters:
``shared/adapters/packed_artifacts.py`` (embedded, with the files of ``folder_artifacts.py``) and
``shared/adapters/cloud_storage_artifacts.py``. All pass ``tests/contract/test_artifact_store.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

SCHEME = "artifact:"


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is known of stored bytes. ``uri`` is ``artifact:`` + the key, the same in every adapter."""

    uri: str
    sha256: str
    size: int
    media_type: str

    @property
    def key(self) -> str:
        return self.uri.removeprefix(SCHEME)


class ArtifactStore(Protocol):
    """Keys are relative POSIX paths of at most 1,024 bytes, whose parts are not empty, not ``.`` or ``..``, have no control character,
    at most 200 bytes, and do not end with ``@`` (``BadInput`` otherwise).

    An artifact never changes: a second ``put`` of the same bytes under the same key returns the stored one, other bytes raise
    ``AlreadyExists``. A put that returned survives ``kill -9``; a put that was killed leaves nothing visible. Reading checks the
    sha256 and raises ``Corrupt`` on a mismatch. Also: ``NotFound``, ``Unavailable``, ``StorageFull``.
    """

    def put(
        self, key: str, data: bytes | BinaryIO, *, media_type: str = "application/octet-stream", with_document: bool = False
    ) -> Artifact:
        """Store the bytes if the key is free; a stream is read in chunks and never held in memory whole.

        ``with_document``: the caller names it in a document that this process writes next, and a store beside the documents may write both
        together; until then a kill may lose it, and other processes do not see it. Such a key holds the first 16 digits of the sha256.
        """
        ...

    def settle(self) -> None:
        """Write now what waits for a document of this process: one that was to name it is not written after all."""
        ...

    def put_file(self, key: str, path: Path, *, media_type: str = "application/octet-stream") -> Artifact:
        """Like ``put``, from a file."""
        ...

    def stat(self, uri: str) -> Artifact: ...

    def get(self, uri: str) -> bytes:
        """The bytes, checked against their sha256."""
        ...

    def digest(self, uri: str) -> str:
        """The SHA-256 of the bytes as they lie there now, read in chunks; what is recorded of them is not asked."""
        ...

    def local_copy(self, uri: str, folder: Path) -> Path:
        """A read-only file with the bytes, for a sandbox or a parser; it may be the stored file itself. ``folder`` takes it otherwise."""
        ...

    def list(self, prefix: str) -> Iterator[Artifact]:
        """The artifacts whose key starts with ``prefix``, by key."""
        ...

    def link(self, uri: str, *, seconds: int) -> str:
        """An address a browser can open for that long (at most seven days); the folder adapter gives a ``file:`` address."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Remove all artifacts whose key starts with ``prefix`` (deletion of a mission); how many there were."""
        ...

    def check(self) -> None:
        """The store can be used as it is set up. Raises ``Unavailable``, which says what is wrong."""
        ...

    def close(self) -> None:
        """Let go of connections. A remote store then raises ``Unavailable``."""
        ...
