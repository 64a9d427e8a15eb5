"""Uploads: which requests may carry a large body, and taking one in whole or not at all."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from shared.artifacts import Artifact, ArtifactStore
from shared.errors import StorageFull, TooLarge, UnsupportedMediaType
from shared.http import MAX_BODY_BYTES
from shared.identity import Identity
from shared.inputs import MAX_UPLOAD_BYTES, copy_limited, safe_name, store_input

ROUTE = "/inputs/"
_CHUNK = 1 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def body_limit(method: str, path: str, headers: Mapping[str, str], identity: Identity) -> int:
    """How many bytes of body a request may send, judged before any of them is taken in.

    Only a known caller with a possible name may upload, and only the file as it is; raises what is wrong with it (``Unauthenticated``,
    ``BadInput``).
    """
    if method != "PUT" or not path.startswith(ROUTE):
        return MAX_BODY_BYTES
    identity.owner(headers)
    _require_plain(headers, safe_name(path.removeprefix(ROUTE)))
    return MAX_UPLOAD_BYTES


def receive_upload(
    stream: IO[bytes], headers: Mapping[str, str], *, name: str, owner: str, artifacts: ArtifactStore, scratch: Path
) -> Artifact:
    """The stored input. An upload that fails in any way leaves nothing behind. Raises ``BadInput``, ``TooLarge``, ``StorageFull``."""
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        _require_plain(headers, name)
        with tempfile.TemporaryDirectory(dir=scratch, prefix="upload-") as folder:
            target = Path(folder) / "upload"
            if copy_limited(stream, target, limit=MAX_UPLOAD_BYTES) > MAX_UPLOAD_BYTES:
                raise too_large(name)
            return store_input(artifacts, owner=owner, name=name, source=target)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StorageFull(f"There is no room left for {name}.", remedy="Free some space and try again; nothing was stored.") from error
    finally:  # functions-framework reads what is left after the answer, all at once
        while stream.read(_CHUNK):
            pass


def _require_plain(headers: Mapping[str, str], name: str) -> None:
    """Refuse what would have to be decoded: stored as it came, it would be another file than its sender means."""
    coding = headers.get("Content-Encoding", "").strip()
    if coding.casefold() not in ("", "identity"):
        raise UnsupportedMediaType(f"{name} came with the Content-Encoding {coding[:40]!r}.", remedy="Send the file as it is.")


def too_large(name: str) -> TooLarge:
    """What an upload over the limit is told."""
    return TooLarge(
        f"{name} is larger than {MAX_UPLOAD_BYTES >> 30} GiB.", remedy="Give a smaller extract, or split it into several files."
    )
