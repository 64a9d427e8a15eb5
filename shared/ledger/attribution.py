"""Which track, role, model, tool or mission the money went to, read from the journal's rows.

A row is read as far as it is there: what an older or a newer version did not write counts as nothing, and is called unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from shared.documents import DocumentStore, Json, Query, Transaction, Where

JOURNAL = "journal"
SENT, ANSWERED, REJECTED, UNKNOWN = "SENT", "ANSWERED", "REJECTED", "UNKNOWN"
NO_WORD = "nothing is known of what became of it"
NOT_COUNTED = "its answer does not say how many tokens it took"
Dimension = Literal["track", "role", "model", "tool", "mission"]
_NAMELESS: Mapping[Dimension, str] = {"track": "unknown", "role": "unknown", "model": "unknown", "tool": "no tool", "mission": "unknown"}


@dataclass(frozen=True, slots=True)
class PaidCall:
    """One physical request. ``cost`` is what it was settled at; ``reserved`` its bound while nothing is settled."""

    mission_id: str
    names: Mapping[Dimension, str]
    state: str
    cost: int
    reserved: int
    input_tokens: int
    output_tokens: int
    sent_at: str | None
    at_bound: str | None = None
    """Why it was charged at its bound: no answer came and none will, or the one that came does not say what it used."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one track, role, model, tool or mission came to. ``track``: whose role it is; two tracks may name theirs alike."""

    name: str
    track: str | None
    calls: int
    input_tokens: int
    output_tokens: int
    settled: int
    reserved: int


def calls_of_mission(documents: DocumentStore | Transaction, mission_id: str) -> list[PaidCall]:
    """All requests of a mission, in the order of their ids."""
    return _calls(documents, Where("mission_id", "==", mission_id))


def calls_of_day(documents: DocumentStore, day: str) -> list[PaidCall]:
    """All requests whose money counts against a UTC day, of every mission."""
    return _calls(documents, Where("day", "==", day))


def shares(calls: Iterable[PaidCall], by: Dimension) -> list[Share]:
    """The sums by name, the dearest first."""
    groups: dict[tuple[str, str | None], list[PaidCall]] = {}
    for call in calls:
        groups.setdefault((call.names[by], call.names["track"] if by == "role" else None), []).append(call)
    summed = [
        Share(
            name=name,
            track=track,
            calls=len(group),
            input_tokens=sum(call.input_tokens for call in group),
            output_tokens=sum(call.output_tokens for call in group),
            settled=sum(call.cost for call in group),
            reserved=sum(call.reserved for call in group),
        )
        for (name, track), group in groups.items()
    ]
    return sorted(summed, key=lambda share: (-share.settled, -share.reserved, share.name, share.track or ""))


def _calls(documents: DocumentStore | Transaction, where: Where) -> list[PaidCall]:
    return [_call(document.data) for document in documents.query(Query(JOURNAL, (where,)))]


def _call(row: Mapping[str, Json]) -> PaidCall:
    state = _text(row, "state") or UNKNOWN
    keys: Mapping[Dimension, str] = {"track": "account", "role": "role", "model": "model", "tool": "tool", "mission": "mission_id"}
    return PaidCall(
        mission_id=_text(row, "mission_id") or "",
        names={of: _text(row, key) or _NAMELESS[of] for of, key in keys.items()},
        state=state,
        cost=0 if state == SENT else _number(row, "cost_micro_usd"),
        reserved=_number(row, "bound_micro_usd") if state == SENT else 0,
        input_tokens=_number(row, "input_tokens"),
        output_tokens=_number(row, "output_tokens"),
        sent_at=_text(row, "sent_at"),
        at_bound=_at_bound(row, state),
    )


def _at_bound(row: Mapping[str, Json], state: str) -> str | None:
    if state == UNKNOWN:
        return _text(row, "error") or NO_WORD
    has_answer = state in (ANSWERED, REJECTED)
    return NOT_COUNTED if has_answer and row.get("input_tokens") is None and _number(row, "cost_micro_usd") else None


def _text(row: Mapping[str, Json], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) and value else None


def _number(row: Mapping[str, Json], key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
