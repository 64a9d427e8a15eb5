"""The audit chain: append-only events, one hash chain per mission and writer (invariant 9)."""

from __future__ import annotations

from pydantic import JsonValue

from schemas.base import Contract, Sha256, Stored, Timestamp


class AuditEvent(Stored):
    """One entry. ``hash`` covers everything else, ``previous`` included; the first entry's ``previous`` is 64 zeros.

    ``kind`` is a dotted word (``mission.created``, ``slice.committed``). ``detail`` holds references and figures, never content.
    """

    mission_id: str
    writer: str
    n: int
    kind: str
    at: Timestamp
    detail: dict[str, JsonValue]
    trace_id: str | None = None
    previous: Sha256
    hash: Sha256


class ChainHead(Contract):
    """The last entry of a chain, as anchored."""

    mission_id: str
    writer: str
    n: int
    hash: Sha256


class Anchor(Contract):
    """Chain heads, kept where they cannot be changed."""

    at: Timestamp
    reason: str
    heads: tuple[ChainHead, ...]
