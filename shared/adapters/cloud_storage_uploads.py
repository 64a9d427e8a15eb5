"""Sending bytes to a bucket: read twice, first to know what they are, then to send just these, in pieces."""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from shared.adapters.cloud_storage_errors import SessionLost, said
from shared.errors import InputUnreadable

if TYPE_CHECKING:
    from google.cloud.storage import Blob

ONE_REQUEST = 8 << 20
"""Up to so many bytes Google's client sends in one request with their description; more of them as a resumable upload."""
CHUNK = 4 << 20
"""Of a resumable upload; a multiple of 256 KiB. One is in memory for each upload."""
_READ = 1 << 20
_UNKNOWN = (404, 410)
_OVERWRITES = "storage.objects.delete"
"""The permission that an upload needs where there is an object already (cloud.google.com/storage/docs/access-control/iam-json)."""


@dataclass(frozen=True, slots=True)
class Content:
    """What identifies bytes. ``crc32c`` is as Cloud Storage writes it."""

    sha256: str
    size: int
    crc32c: str


@contextmanager
def repeatable(data: bytes | BinaryIO) -> Iterator[BinaryIO]:
    """A stream that can be read more than once; one that cannot is first written to a temporary file."""
    if isinstance(data, bytes):
        yield io.BytesIO(data)
    elif data.seekable():
        yield data
    else:
        with tempfile.TemporaryFile() as copy:
            while chunk := data.read(_READ):
                copy.write(chunk)
            copy.seek(0)
            yield copy


def measured(stream: BinaryIO) -> Content:
    """What the rest of the stream is. It stands where it stood."""
    from google_crc32c import Checksum

    start = stream.tell()
    sha256, crc32c, size = hashlib.sha256(), Checksum(), 0  # type: ignore[no-untyped-call]  # it has no types
    while chunk := stream.read(_READ):
        sha256.update(chunk)
        crc32c.update(chunk)  # type: ignore[no-untyped-call]  # as above
        size += len(chunk)
    stream.seek(start)
    checksum: bytes = crc32c.digest()  # type: ignore[no-untyped-call]  # as above
    return Content(sha256.hexdigest(), size, base64.b64encode(checksum).decode())


def upload(blob: Blob, stream: BinaryIO, content: Content, *, media_type: str, timeout: float, deadline: float) -> bool:
    """Whether the bytes are stored now; false where there is an object already. The stream stands where it stood.

    Nothing is visible before the last byte is there and the checksum fits.
    """
    from google.api_core.exceptions import Forbidden, GoogleAPICallError, PreconditionFailed
    from google.cloud.storage.retry import DEFAULT_RETRY

    large = content.size > ONE_REQUEST
    start = stream.tell()
    try:
        blob.upload_from_file(
            _Unchanged(stream, content),
            size=content.size,
            content_type=media_type,
            if_generation_match=0,
            checksum="crc32c",
            crc32c_checksum_value=content.crc32c if large else None,
            timeout=timeout,
            # A chunk that failed is sent again by itself: to begin anew would cost all that is there already.
            retry=DEFAULT_RETRY.with_timeout(deadline).with_delay(initial=0.2, maximum=5.0) if large else None,
        )
    except PreconditionFailed:
        return False
    except Forbidden as error:
        # What is there is to be deleted before it is written anew, and who may only create may not even ask whether it is.
        if _OVERWRITES in said(error):
            return False
        raise
    except GoogleAPICallError as error:
        # A chunk is sent by PUT to the upload's own address, all else by POST to the bucket's.
        if error.code in _UNKNOWN and getattr(getattr(error.response, "request", None), "method", "") == "PUT":
            raise SessionLost from error
        raise
    finally:
        stream.seek(start)
    return True


class _Unchanged(io.RawIOBase):
    """Gives the bytes that were measured; if they have changed since, it raises before the last of them is sent."""

    def __init__(self, stream: BinaryIO, content: Content) -> None:
        self._stream = stream
        self._content = content
        self._given = 0
        self._sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def read(self, size: int = -1) -> bytes:
        left = self._content.size - self._given
        wanted = left if size < 0 else min(size, left)
        pieces: list[bytes] = []
        while wanted > 0 and (piece := self._stream.read(min(wanted, _READ))):
            pieces.append(piece)
            wanted -= len(piece)
            self._sha256.update(piece)
            self._given += len(piece)
        whole = self._given == self._content.size
        if wanted > 0 or (whole and self._sha256.hexdigest() != self._content.sha256):
            raise InputUnreadable("The bytes changed while they were being stored.", remedy="Try again once nothing writes to them.")
        return b"".join(pieces)
