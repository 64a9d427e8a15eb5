"""The embedded ``ArtifactStore``: a folder.

The artifact ``missions/m_1/report.md`` is the folder ``objects/missions/m_1/report.md@``: in it the bytes, under their own name, and
``@``, what is known of them. Both are written and flushed under ``tmp``, then the folder is renamed into its place. Renaming is atomic
and fails where there is a folder already (rename(2)), so an artifact is there whole or not at all, and the first one to come stays.
"""

from __future__ import annotations

import builtins
import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from shared.adapters import folder_files
from shared.adapters.artifact_keys import check_key, check_media_type, key_of
from shared.artifacts import SCHEME, Artifact
from shared.clock import Clock, SystemClock
from shared.errors import AlreadyExists, Corrupt, NotFound

MARK = "@"
"""Ends the name of an artifact's folder, and names the file that describes it. No key has a part that ends so."""
STALE_AFTER_S = 24 * 3600.0
"""What lies under ``tmp`` untouched for so long belongs to a put that was killed."""


class FolderArtifacts:
    """An ``ArtifactStore`` in a folder that several processes may use at the same time."""

    def __init__(self, root: Path, *, clock: Clock | None = None) -> None:
        """Makes the folder where there is none, and removes what killed puts have left. Raises ``Unavailable``, ``StorageFull``."""
        root = root.absolute()
        self._objects, self._temporary = root / "objects", root / "tmp"
        self._prepare(root, clock or SystemClock())

    def _prepare(self, root: Path, clock: Clock) -> None:
        with folder_files.translating(root):
            self._objects.mkdir(parents=True, exist_ok=True)
            self._temporary.mkdir(exist_ok=True)
        folder_files.remove_stale(self._temporary, older_than=clock.now().timestamp() - STALE_AFTER_S)

    def put(
        self, key: str, data: bytes | BinaryIO, *, media_type: str = "application/octet-stream", with_document: bool = False
    ) -> Artifact:
        stream: BinaryIO = BytesIO(data) if isinstance(data, bytes) else data
        return self._put(key, media_type, stream, clone=None)

    def settle(self) -> None:
        """See ``ArtifactStore.settle``: nothing waits here."""

    def put_file(self, key: str, path: Path, *, media_type: str = "application/octet-stream") -> Artifact:
        check_key(key)
        with folder_files.opened(path) as stream:
            return self._put(key, media_type, stream, clone=stream.fileno())

    def stat(self, uri: str) -> Artifact:
        key = key_of(uri)
        found = self.known(key)
        if found is None:
            raise NotFound(f"There is no artifact {_name(key)!r}.", place=key)
        return found

    def get(self, uri: str) -> bytes:
        known = self.stat(uri)
        with self._reading(known):
            data = self._bytes(known.key).read_bytes()
        self._check(known, folder_files.digest(BytesIO(data)))
        return data

    def digest(self, uri: str) -> str:
        known = self.stat(uri)
        with self._reading(known), self._bytes(known.key).open("rb") as stream:
            return folder_files.digest(stream).sha256

    def local_copy(self, uri: str, folder: Path) -> Path:
        known = self.stat(uri)
        path = self._bytes(known.key)
        with self._reading(known), path.open("rb") as stream:
            found = folder_files.digest(stream)
        self._check(known, found)
        return path

    def list(self, prefix: str) -> Iterator[Artifact]:
        for key in self._keys(prefix):
            known = self.known(key)
            if known is not None:  # else it was deleted meanwhile
                yield known

    def link(self, uri: str, *, seconds: int) -> str:
        return self._bytes(self.stat(uri).key).as_uri()

    def delete_prefix(self, prefix: str) -> int:
        removed = 0
        for key in builtins.list(self._keys(prefix)):
            with folder_files.translating(self._place(key)):
                removed += self._delete(key)
        return removed

    def check(self) -> None:
        with folder_files.translating(self._temporary):
            tempfile.TemporaryDirectory(dir=self._temporary).cleanup()

    def close(self) -> None:
        """Nothing is held open."""

    def _put(self, key: str, media_type: str, stream: BinaryIO, *, clone: int | None) -> Artifact:
        check_key(key)
        check_media_type(media_type)
        known = self.known(key)
        if known is not None:  # the bytes are compared, not written
            with folder_files.translating(self._place(key)):
                if self._intact(known):
                    return self._same(known, folder_files.digest(stream))
                return self._mended(known, stream)
        with folder_files.translating(self._place(key)):
            draft = Path(tempfile.mkdtemp(dir=self._temporary))
            try:
                written = folder_files.write(draft / _name(key), stream, clone=clone)
                artifact = Artifact(SCHEME + key, written.sha256, written.size, media_type)
                folder_files.write(draft / MARK, BytesIO(_description(artifact)), clone=None)
                draft.chmod(0o755)
                folder_files.flush_folder(draft)
                if folder_files.move_if_free(draft, self._place(key), top=self._objects):
                    return artifact
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        first = self.known(key)
        if first is None:  # and deleted again in this very moment
            raise AlreadyExists(f"The artifact {key!r} was stored and deleted by somebody else meanwhile.", remedy="Try again.")
        return self._same(first, written)

    def _intact(self, known: Artifact) -> bool:
        path = self._bytes(known.key)
        if not path.is_file() or path.stat().st_size != known.size:
            return False
        with path.open("rb") as stream:
            return folder_files.digest(stream) == (known.sha256, known.size)

    def _mended(self, known: Artifact, stream: BinaryIO) -> Artifact:
        """The artifact, whose bytes were damaged, with the very same bytes put in their place."""
        draft = Path(tempfile.mkdtemp(dir=self._temporary))
        try:
            written = draft / _name(known.key)
            self._same(known, folder_files.write(written, stream, clone=None))
            written.replace(self._bytes(known.key))
            folder_files.flush_folder(self._place(known.key))
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return known

    def _same(self, known: Artifact, found: folder_files.Digest) -> Artifact:
        if (known.sha256, known.size) != found:
            raise AlreadyExists(
                f"The artifact {known.key!r} exists with other bytes.", remedy="An artifact never changes: choose another key."
            )
        return known

    def known(self, key: str) -> Artifact | None:
        """What is stored under the key, which has been checked."""
        path = f"{self._objects}/{key}{MARK}/{MARK}"  # every small artifact that is stored is looked for here first: no Path for each
        text = folder_files.bytes_if_there(path)
        if text is None:
            return None
        try:
            description = json.loads(text)
            return Artifact(SCHEME + key, str(description["sha256"]), int(description["size"]), str(description["media_type"]))
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(key, Path(path)) from error

    def _check(self, known: Artifact, found: folder_files.Digest) -> None:
        if (known.sha256, known.size) != found:
            raise _damaged(known.key, self._bytes(known.key))

    @contextmanager
    def _reading(self, known: Artifact) -> Iterator[None]:
        path = self._bytes(known.key)
        with folder_files.translating(path):
            try:
                yield
            except FileNotFoundError as error:
                if path.parent.exists():
                    raise _damaged(known.key, path) from error
                raise NotFound(f"The artifact {_name(known.key)!r} was deleted meanwhile.", place=known.key) from error

    def _delete(self, key: str) -> bool:
        """Whether it was this call that removed it. It vanishes at once; its bytes go afterwards."""
        place = self._place(key)
        grave = self._temporary / f"deleted-{secrets.token_hex(8)}"
        try:
            place.rename(grave)
            folder_files.flush_folder(place.parent)
        except FileNotFoundError:  # somebody else deletes too
            if not grave.exists():
                return False
        shutil.rmtree(grave, ignore_errors=True)
        folder_files.prune(place.parent, top=self._objects)
        return True

    def _keys(self, prefix: str) -> Iterator[str]:
        if prefix:
            check_key(prefix.removesuffix("/"))
        start = prefix.rpartition("/")[0]
        return folder_files.keys_below(self._objects / start, f"{start}/" if start else "", prefix, mark=MARK)

    def _place(self, key: str) -> Path:
        return self._objects / (key + MARK)

    def _bytes(self, key: str) -> Path:
        return self._place(key) / _name(key)


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _description(artifact: Artifact) -> bytes:
    return json.dumps({"sha256": artifact.sha256, "size": artifact.size, "media_type": artifact.media_type}).encode()


def _damaged(key: str, path: Path) -> Corrupt:
    return Corrupt(
        f"The artifact {_name(key)!r} is not what was stored.",
        remedy="Restore it from a backup, or run again what made it.",
        place=str(path),
    )


class ReadOnlyFolder(FolderArtifacts):
    """One that may not be written, read as it is: nothing is made in it or removed."""

    def _prepare(self, root: Path, clock: Clock) -> None:
        """Nothing."""
