"""The digest of a mission's request: what the audit chain says was submitted, and what an idempotency key stands for.

It outlives the schema. A later version that adds a field with a default reads an older request with that default, and stores it when it
rewrites the mission's document: a digest over all fields would then be another one, though nobody asked for anything else. So what is
digested is what the request has other than by default.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.mission import MissionRequest

_Fields = dict[str, "bool | _Fields"]
_OPTIONS: _Fields = {"enabled": True, "provider": True, "max_rounds": True}
_FIRST: _Fields = {
    "question": True,
    "knowledge_space": True,
    "session_id": True,
    "inputs": {"__all__": {"uri": True, "kind": True, "name": True, "sha256": True, "size": True}},
    "output_guidelines": True,
    "hints": {"measure": True, "by": True, "time": True},
    "tier": True,
    "tracks": {"deep_research": _OPTIONS, "ds_star": _OPTIONS},
    "budget": {"cap_usd": True, "thresholds": True},
    "deadlines": {"soft_s": True, "hard_s": True, "late_s": True},
    "mode": True,
}
_WITH_MODEL = _FIRST | {"model": {"name": True, "input_usd": True, "output_usd": True}}
_WITH_WEB = _WITH_MODEL | {"tracks": {"deep_research": _OPTIONS | {"web": True}, "ds_star": _OPTIONS}}
_ONCE_ALL: tuple[_Fields, ...] = (_WITH_WEB, _WITH_MODEL, _FIRST)
"""All fields that a request had, newest first, while the digest was one over all of them. A field that is added later belongs to none."""


def request_digest(request: MissionRequest) -> str:
    """The SHA-256 over what the request has other than by default."""
    return _sha256(request.model_dump_json(exclude_defaults=True))


def is_digest_of(digest: str, request: MissionRequest) -> bool:
    """Whether this or an earlier version wrote the digest for this very request. ``request``: as its document was read."""
    return any(_sha256(text) == digest and type(request).model_validate_json(text) == request for text in _texts(request))


def _texts(request: MissionRequest) -> Iterator[str]:
    """What the versions so far have digested. A text that leaves out something said otherwise is no text of this request."""
    yield request.model_dump_json(exclude_defaults=True)
    yield request.model_dump_json(exclude_unset=True)
    for fields in _ONCE_ALL:
        yield request.model_dump_json(include=fields)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
