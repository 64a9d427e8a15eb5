"""A ``DocumentStore`` as a dictionary: what the real ones are compared with. Written from the port's words, not from an adapter."""

from __future__ import annotations

from collections.abc import Mapping

from shared.documents import Json, Query, Ref, Where


def answer(stored: Mapping[Ref, Mapping[str, Json]], query: Query) -> list[Ref]:
    """The references of the matching documents, in order, without pages (``after`` and ``limit``)."""
    matching = [
        ref for ref, data in stored.items() if ref.collection == query.collection and all(_matches(data, where) for where in query.where)
    ]
    if query.order_by is None:
        return sorted(matching, key=lambda ref: _bytes(ref.id))
    name = query.order_by.removeprefix("-")
    having = [ref for ref in matching if _field(stored[ref], name)[0]]
    return sorted(having, key=lambda ref: (_place(_field(stored[ref], name)[1]), _bytes(ref.id)), reverse=query.order_by.startswith("-"))


def _matches(data: Mapping[str, Json], where: Where) -> bool:
    there, value = _field(data, where.field)
    if not there:
        return False
    if where.op == "in":
        assert isinstance(where.value, list)
        return any(_kind(value) == _kind(wanted) and value == wanted for wanted in where.value)
    if _kind(value) != _kind(where.value):
        return False
    if where.op == "==":
        return value == where.value
    smaller, larger = sorted([_place(value), _place(where.value)])
    if smaller == larger:
        return where.op in ("<=", ">=")
    return (smaller == _place(value)) == where.op.startswith("<")


def _field(data: Mapping[str, Json], name: str) -> tuple[bool, Json]:
    value: Json = dict(data)
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _kind(value: Json) -> int:
    """The order between types that Firestore documents."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1
    return {int: 2, float: 2, str: 3, list: 4, dict: 5}[type(value)]


def _place(value: Json) -> tuple[int, float, bytes]:
    """Where the value stands in an order by its field; whole numbers are compared as such."""
    if isinstance(value, str):
        return 3, 0, _bytes(value)
    return _kind(value), value if isinstance(value, (int, float)) else 0, b""


def _bytes(text: str) -> bytes:
    return text.encode()
