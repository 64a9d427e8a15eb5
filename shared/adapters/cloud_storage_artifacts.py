"""``ArtifactStore`` on Cloud Storage: an artifact is an object of its key's name, stored only where there is none.

The precondition "no generation yet" makes a put the first one or none (cloud.google.com/storage/docs/request-preconditions), and an object
becomes visible with its last byte. Sha256 and media type are its metadata. Reads name the generation, so that they see one object.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from shared.adapters import folder_files
from shared.adapters.artifact_keys import check_key, check_media_type, key_of
from shared.adapters.cloud_storage_bucket import CloudBucket
from shared.adapters.cloud_storage_errors import no_bucket, said
from shared.adapters.cloud_storage_links import disposition, signed_link
from shared.adapters.cloud_storage_uploads import CHUNK, ONE_REQUEST, Content, measured, repeatable, upload
from shared.artifacts import SCHEME, Artifact
from shared.errors import AlreadyExists, Corrupt, NotFound

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud.storage import Blob

_SHA256, _MEDIA_TYPE = "sha256", "media-type"
_FIELDS = "items(name,size,generation,timeDeleted,metadata),nextPageToken"
PAGE = 1000
"""Cloud Storage's own limit for a page of a list."""
_DELETED_AT_ONCE = 8
"""Requests; the client's pool has ten connections. A batch's parts could not each be tried again."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """An artifact, and which of its key's objects it is."""

    artifact: Artifact
    generation: int


class _Digesting(io.RawIOBase):
    """Takes bytes and keeps their digest alone."""

    def __init__(self) -> None:
        super().__init__()
        self.found = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        self.found.update(data)
        return len(memoryview(data))


class CloudStorageArtifacts:
    """An ``ArtifactStore`` in a bucket."""

    def __init__(self, bucket: CloudBucket) -> None:
        self._bucket = bucket

    @property
    def bucket(self) -> CloudBucket:
        """Where they are."""
        return self._bucket

    def put(
        self, key: str, data: bytes | BinaryIO, *, media_type: str = "application/octet-stream", with_document: bool = False
    ) -> Artifact:
        check_key(key)
        check_media_type(media_type)
        with repeatable(data) as stream:
            return self._put(key, stream, media_type)

    def settle(self) -> None:
        """See ``ArtifactStore.settle``: nothing waits here."""

    def put_file(self, key: str, path: Path, *, media_type: str = "application/octet-stream") -> Artifact:
        check_key(key)
        check_media_type(media_type)
        with folder_files.opened(path) as stream:
            return self._put(key, stream, media_type)

    def stat(self, uri: str) -> Artifact:
        return self._stored(key_of(uri)).artifact

    def get(self, uri: str) -> bytes:
        known = self._stored(key_of(uri))
        data: bytes = self._reading(
            known,
            lambda blob, timeout: blob.download_as_bytes(raw_download=True, checksum="crc32c", timeout=timeout, retry=None),
        )
        _check(known.artifact, hashlib.sha256(data).hexdigest(), len(data))
        return data

    def digest(self, uri: str) -> str:
        def read(blob: Blob, timeout: float) -> bytes:
            target = _Digesting()  # a further try begins anew
            blob.download_to_file(target, raw_download=True, checksum="crc32c", timeout=timeout, retry=None)
            return target.found.digest()

        return self._reading(self._stored(key_of(uri)), read).hex()

    def local_copy(self, uri: str, folder: Path) -> Path:
        known = self._stored(key_of(uri))
        # Another artifact may end with the same name.
        place = folder.absolute() / known.artifact.sha256 / known.artifact.key.rpartition("/")[2]
        with folder_files.translating(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=place.parent)
            os.close(descriptor)
            draft = Path(name)
        try:
            self._download(known, draft)
            with folder_files.translating(place):
                draft.chmod(0o444)
                draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        return place

    def list(self, prefix: str) -> Iterator[Artifact]:
        for blob in self._objects(prefix, versions=False):
            if not blob.name.endswith("/"):  # what the console makes for an empty folder
                yield _described(blob)

    def link(self, uri: str, *, seconds: int) -> str:
        known = self._stored(key_of(uri))
        return signed_link(self._bucket, known.artifact, known.generation, seconds=seconds)

    def delete_prefix(self, prefix: str) -> int:
        removed = 0
        with ThreadPoolExecutor(_DELETED_AT_ONCE, thread_name_prefix="delete") as pool:
            for page in self._pages(prefix, versions=True):
                removed += sum(pool.map(self._delete, page))
        return removed

    def check(self) -> None:
        self._bucket.check()

    def close(self) -> None:
        self._bucket.close()

    def _put(self, key: str, stream: BinaryIO, media_type: str) -> Artifact:
        with folder_files.translating(Path(key)):
            content = measured(stream)
        artifact = Artifact(SCHEME + key, content.sha256, content.size, media_type)
        if content.size > ONE_REQUEST:  # else to find out costs as much as to send it
            known = self._found(key)
            if known is not None:
                return _same(known.artifact, content)

        def send(timeout: float) -> bool:
            blob = self._bucket.handle.blob(key, chunk_size=CHUNK)
            blob.metadata = {_SHA256: artifact.sha256, _MEDIA_TYPE: media_type}
            blob.content_disposition = disposition(artifact)
            return upload(blob, stream, content, media_type=media_type, timeout=timeout, deadline=self._bucket.patience.deadline_s)

        if self._bucket.call(f"store {key!r}", send):
            return artifact
        first = self._found(key)
        if first is None:  # and deleted again in this very moment
            raise AlreadyExists(f"The artifact {key!r} was stored and deleted by somebody else meanwhile.", remedy="Try again.")
        return _same(first.artifact, content)

    def _stored(self, key: str) -> _Stored:
        found = self._found(key)
        if found is None:
            raise NotFound(f"There is no artifact {key.rpartition('/')[2]!r}.", place=key)
        return found

    def _found(self, key: str) -> _Stored | None:
        from google.api_core.exceptions import NotFound as Missing

        def ask(timeout: float) -> Blob | Missing:
            blob = self._bucket.handle.blob(key)
            try:
                blob.reload(timeout=timeout, retry=None)
            except Missing as error:
                return error
            return blob

        answer = self._bucket.call(f"look up {key!r}", ask)
        if isinstance(answer, Missing):
            self._require_bucket(answer)
            return None
        return _Stored(_described(answer), int(answer.generation))

    def _require_bucket(self, error: GoogleAPICallError) -> None:
        """Raises ``Unavailable`` where it is the bucket that is missing, not the object."""
        text = said(error).lower()
        if text.startswith("no such object"):
            return
        if "bucket" in text and "not exist" in text:
            raise no_bucket(str(self._bucket)) from error
        next(self._pages("", versions=False, size=1), None)  # an emulator says the same for both, but lists no bucket that is missing

    def _reading(self, known: _Stored, read: Callable[[Blob, float], bytes]) -> bytes:
        """What ``read`` gives of exactly the object that is known."""
        from google.api_core.exceptions import NotFound as Missing

        def ask(timeout: float) -> bytes | None:
            try:
                return read(self._bucket.handle.blob(known.artifact.key, generation=known.generation), timeout)
            except Missing:
                return None

        answer = self._bucket.call(f"read {known.artifact.key!r}", ask)
        if answer is None:
            key = known.artifact.key
            raise NotFound(f"The artifact {key.rpartition('/')[2]!r} was deleted meanwhile.", place=key)
        return answer

    def _download(self, known: _Stored, draft: Path) -> None:
        def read(blob: Blob, timeout: float) -> bytes:
            with folder_files.translating(draft), draft.open("wb") as target:  # a further try begins anew
                blob.download_to_file(target, raw_download=True, checksum="crc32c", timeout=timeout, retry=None)
            return b""

        self._reading(known, read)
        with folder_files.translating(draft), draft.open("rb") as stream:
            found = folder_files.digest(stream)
        _check(known.artifact, *found)

    def _objects(self, prefix: str, *, versions: bool) -> Iterator[Blob]:
        for page in self._pages(prefix, versions=versions):
            yield from page

    def _pages(self, prefix: str, *, versions: bool, size: int | None = None) -> Iterator[builtins.list[Blob]]:
        """The objects by name, which is how Cloud Storage lists them (by their UTF-8, as Python orders text)."""
        if prefix:
            check_key(prefix.removesuffix("/"))
        token: str | None = None

        def ask(timeout: float) -> tuple[builtins.list[Blob], str | None]:
            found = self._bucket.client.list_blobs(
                self._bucket.handle,
                prefix=prefix or None,
                versions="true" if versions else None,  # as text: the client writes True, which JSON and the emulator do not know
                page_token=token,
                page_size=size or PAGE,
                fields=_FIELDS,
                timeout=timeout,
                retry=None,
            )
            return builtins.list(next(found.pages, ())), found.next_page_token

        while True:
            page, token = self._bucket.call(f"list {prefix!r}", ask)
            yield page
            if token is None:
                return

    def _delete(self, blob: Blob) -> bool:
        """Whether it was this call that removed it, and it was the artifact itself, not an older version."""
        from google.api_core.exceptions import NotFound as Missing

        def delete(timeout: float) -> bool:
            try:
                # By its generation, so that a bucket with versions keeps none of it.
                self._bucket.handle.blob(blob.name, generation=blob.generation).delete(timeout=timeout, retry=None)
            except Missing:
                return False
            return True

        return self._bucket.call(f"delete {blob.name!r}", delete) and blob.time_deleted is None


def _described(blob: Blob) -> Artifact:
    metadata = blob.metadata or {}
    if _SHA256 not in metadata or blob.size is None:
        raise Corrupt(
            f"The object {blob.name!r} of the bucket {blob.bucket.name} was not stored by KIMERA: it lacks its sha256.",
            remedy="Remove it, or put it into a bucket of its own.",
        )
    return Artifact(SCHEME + blob.name, metadata[_SHA256], int(blob.size), metadata.get(_MEDIA_TYPE, "application/octet-stream"))


def _same(known: Artifact, content: Content) -> Artifact:
    if (known.sha256, known.size) != (content.sha256, content.size):
        raise AlreadyExists(f"The artifact {known.key!r} exists with other bytes.", remedy="An artifact never changes: choose another key.")
    return known


def _check(known: Artifact, sha256: str, size: int) -> None:
    if (known.sha256, known.size) != (sha256, size):
        raise Corrupt(
            f"The artifact {known.key.rpartition('/')[2]!r} is not what was stored.",
            remedy="Restore it from a backup, or run again what made it.",
            place=known.key,
        )
