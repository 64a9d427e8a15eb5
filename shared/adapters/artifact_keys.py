"""What a key of an artifact may look like, the same for every adapter of ``ArtifactStore``."""

from __future__ import annotations

import re
import unicodedata

from shared.artifacts import SCHEME
from shared.errors import BadInput

MAX_KEY_BYTES = 1024
"""Cloud Storage's limit for an object's name (cloud.google.com/storage/docs/objects)."""
MAX_PART_BYTES = 200
"""A part becomes a file's name, for which Linux has 255 bytes; some are left for what an adapter adds."""

_PLAIN = re.compile(r"(?:(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.-]+/)*(?!\.{1,2}\Z)[A-Za-z0-9_.-]+")
"""Keys of which nothing else needs to be looked at, if they are short: nearly all."""


def check_key(key: str) -> None:
    """Raises ``BadInput`` unless the key is a relative path of plain parts."""
    if len(key) <= MAX_PART_BYTES and _PLAIN.fullmatch(key):
        return
    wrong = _what_is_wrong(key)
    if wrong:
        raise BadInput(
            f"{key[:120]!r} cannot be the key of an artifact: {wrong}.", remedy="Use a relative path such as missions/m_1/report.md."
        )


def key_of(uri: str) -> str:
    """The key inside an ``artifact:`` address, checked."""
    if not uri.startswith(SCHEME):
        raise BadInput(f"{uri[:120]!r} is not the address of an artifact.", remedy=f"It begins with {SCHEME!r}.")
    key = uri.removeprefix(SCHEME)
    check_key(key)
    return key


def check_media_type(media_type: str) -> None:
    """Raises ``BadInput`` unless the media type is short and printable."""
    if not media_type or len(media_type) > 255 or not media_type.isascii() or not media_type.isprintable():
        raise BadInput(f"{media_type[:80]!r} is not a media type.", remedy="Use one such as text/csv.")


def _what_is_wrong(key: str) -> str:
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair"
    if size > MAX_KEY_BYTES:
        return f"it is over {MAX_KEY_BYTES} bytes"
    if any(unicodedata.category(character) == "Cc" for character in key):
        return "it holds a control character"
    for part in key.split("/"):
        if not part:
            return "it is empty, or has an empty part"
        if part in (".", ".."):
            return f"{part!r} leads elsewhere"
        if len(part.encode()) > MAX_PART_BYTES:
            return f"a part is over {MAX_PART_BYTES} bytes"
        if part.endswith("@"):
            return "a part ends with '@'"
    return ""
