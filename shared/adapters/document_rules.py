"""What a document, a name and a query may look like: Firestore's limits, kept by every adapter of ``DocumentStore``.

Limits: firebase.google.com/docs/firestore/quotas. Sizes: firebase.google.com/docs/firestore/storage-size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from shared.documents import MAX_DOCUMENT_BYTES, Document, Json, JsonMap, Query, Ref, Where
from shared.errors import BadInput, TooLarge

MAX_NAME_BYTES = 1_500
MAX_DEPTH = 20
MAX_ALTERNATIVES = 30
"""``in`` values of a query, multiplied over its conditions: Firestore allows 30 disjunctions."""
WRITE_MARK = "_write"
"""A field that an adapter may add for itself: no document may have it at its top."""

_RESERVED = re.compile(r"__.*__", re.DOTALL)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_INT64 = range(-(2**63), 2**63)
_SMALL = 2**62
"""Below it a whole number need not be looked at closely."""
_DOCUMENT_OVERHEAD, _NAME_OVERHEAD, _MAP_OVERHEAD, _NUMBER = 32, 16, 32, 8
_OWN_BYTES = 128
"""Left for what an adapter adds: a prefix of the collection, its mark."""


@lru_cache(maxsize=4_096)
def check_ref(ref: Ref) -> None:
    """Raises ``BadInput`` unless both names are ones that Firestore takes."""
    for name in (ref.collection, ref.id):
        if not name or "/" in name or "\0" in name or name in (".", "..") or _RESERVED.fullmatch(name):
            raise BadInput(f"{name!r} cannot name a document or a collection.", remedy="Use a name without '/', not '.', '..' or __x__.")
        if _size(name, "the name") - 1 > MAX_NAME_BYTES:
            raise BadInput(f"The name {name[:40]!r}... is over {MAX_NAME_BYTES} bytes.", remedy="Use a shorter name.")


def checked(ref: Ref, data: JsonMap) -> dict[str, Json]:
    """A copy of ``data`` in plain types, or ``BadInput`` with the field that is not JSON, or ``TooLarge``."""
    check_ref(ref)
    if WRITE_MARK in data:
        raise BadInput(f"{ref}: the field {WRITE_MARK!r} is the store's own.", remedy="Give the field another name.")
    try:
        copy, size = _copied_map(data, 1)
    except _Wrong as wrong:
        raise wrong.at(str(ref)) from None
    size += _size(ref.collection, "") + _size(ref.id, "") + _NAME_OVERHEAD + _DOCUMENT_OVERHEAD - _MAP_OVERHEAD
    limit = MAX_DOCUMENT_BYTES - _OWN_BYTES
    if size > limit:
        raise TooLarge(
            f"The document {ref} has {size:,} bytes; the limit is {limit:,}.",
            remedy="Store the large part as an artifact and keep its address here.",
        )
    return copy


def check_query(query: Query) -> None:
    """Raises ``BadInput`` unless every adapter gives the same answer to the query."""
    check_ref(Ref(query.collection, "any"))
    alternatives = 1
    for condition in query.where:
        check_field(condition.field)
        _check_condition(condition)
        if condition.op == "in" and isinstance(condition.value, list):
            alternatives *= len(condition.value)
    if alternatives > MAX_ALTERNATIVES:
        raise BadInput(f"The query has {alternatives} alternatives; the limit is {MAX_ALTERNATIVES}.", remedy="Ask in several queries.")
    if query.order_by is not None:
        check_field(query.order_by.removeprefix("-"))
    _check_ranges(query)
    if query.limit is not None and query.limit < 1:
        raise BadInput(f"A query's limit is at least 1, not {query.limit}.")
    if query.after is not None:
        cursor(query, query.after)


def _check_ranges(query: Query) -> None:
    """Firestore orders by a field under a range condition, asked or not, before it orders by the id."""
    ranged = {where.field for where in query.where if where.op in ("<", "<=", ">", ">=")}
    if not ranged:
        return
    paged = query.limit is not None or query.after is not None
    wanted = query.order_by.removeprefix("-") if query.order_by is not None else None
    if len(ranged) > 1 or (wanted is None and paged) or (wanted is not None and wanted not in ranged):
        order = query.order_by or "of the ids"
        raise BadInput(
            f"A query on {query.collection!r} has range conditions on {', '.join(sorted(ranged))} and the order {order}.",
            remedy="Put range conditions on one field only, and order by that field (needed for a page).",
        )


def check_field(name: str) -> None:
    """Raises ``BadInput`` unless the (dotted) field can be asked for."""
    if not _FIELD.fullmatch(name):
        raise BadInput(
            f"{name!r} is not a field that can be asked for.", remedy="Use names of ASCII letters, digits and '_', joined by dots."
        )


def cursor(query: Query, after: Document) -> Json:
    """The value of the query's order field in ``after``, where the next page begins (``None`` where the order is by id)."""
    if after.ref.collection != query.collection:
        raise BadInput(
            f"The page of {query.collection!r} cannot begin behind {after.ref}.", remedy="Pass the last document of the page before."
        )
    if query.order_by is None:
        return None
    name = query.order_by.removeprefix("-")
    found, value = field_of(after.data, name)
    if not found or isinstance(value, (list, dict)):
        raise BadInput(
            f"{after.ref} has no plain value {name!r}, so no page begins behind it.", remedy="Pass the last document of the page before."
        )
    return value


def field_of(data: JsonMap, name: str) -> tuple[bool, Json]:
    """Whether the (dotted) field is there, and its value."""
    value: Json | JsonMap = data
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    assert not isinstance(value, Mapping) or isinstance(value, dict)
    return True, value


def _check_condition(condition: Where) -> None:
    values: list[Json] = condition.value if condition.op == "in" and isinstance(condition.value, list) else [condition.value]
    if condition.op == "in" and not (isinstance(condition.value, list) and values):
        raise BadInput(f"'in' on {condition.field!r} needs a list with at least one value.")
    for value in values:
        if isinstance(value, (list, dict)) or (value is None and condition.op != "=="):
            raise BadInput(
                f"{condition.field!r} {condition.op} {type(value).__name__} cannot be asked for.",
                remedy="Compare with a text, a number or a boolean; null only with '=='.",
            )
        try:
            _copied(value, 1)
        except _Wrong as wrong:
            raise wrong.at(f"the query on {condition.field!r}") from None


def _copied(value: Json, depth: int) -> tuple[Json, int]:
    """The value in plain types with its size as Firestore counts it."""
    kind = type(value)
    if kind is dict:
        return _copied_map(value, depth + 1)  # type: ignore[arg-type]  # the type was just looked at
    if kind is list:
        return _copied_list(value, depth + 1)  # type: ignore[arg-type]  # as before
    if value is None or kind is bool:
        return value, 1
    if isinstance(value, str):
        return str.__str__(value), _text_size(value)
    if isinstance(value, int):
        if value not in _INT64:
            raise _Wrong("a whole number takes at most 64 bits.", "Store it as text.")
        return int(value), _NUMBER
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _Wrong(f"{value} is not a JSON number.", "Leave the field out, or store null.")
        return float(value), _NUMBER
    if isinstance(value, list):
        return _copied_list(value, depth + 1)
    if isinstance(value, dict):
        return _copied_map(value, depth + 1)
    raise _Wrong(f"{kind.__name__} is not JSON.", "Use null, booleans, numbers, text, lists and maps.")


def _copied_list(values: list[Json], depth: int) -> tuple[list[Json], int]:
    _check_depth(depth)
    copy: list[Json] = []
    size = 0
    for position, value in enumerate(values):
        if type(value) is str and value.isascii():  # most lists hold texts alone
            copy.append(value)
            size += len(value) + 1
            continue
        try:
            if isinstance(value, list):
                raise _Wrong("a list stands directly in a list.", "Put a map between them.")
            plain, taken = _copied(value, depth)
        except _Wrong as wrong:
            wrong.parts.append(f"[{position}]")
            raise
        copy.append(plain)
        size += taken
    return copy, size


def _copied_map(values: JsonMap, depth: int) -> tuple[dict[str, Json], int]:
    _check_depth(depth)
    copy: dict[str, Json] = {}
    size = _MAP_OVERHEAD
    for name, value in values.items():
        known = _KNOWN_NAMES.get(name) if type(name) is str else None
        if known is None:
            known = _checked_name(name)
        kind = type(value)
        # The most frequent kinds are taken here: a call for each value is most of what a document costs.
        if kind is str and value.isascii():  # type: ignore[union-attr]  # the type was just looked at
            plain, taken = value, len(value) + 1  # type: ignore[arg-type]  # as before
        elif value is None or kind is bool:
            plain, taken = value, 1
        elif kind is int and -_SMALL < value < _SMALL:  # type: ignore[operator]  # as before
            plain, taken = value, _NUMBER
        else:
            try:
                plain, taken = _copied(value, depth)
            except _Wrong as wrong:
                wrong.parts.append(f".{name}")
                raise
        copy[name if type(name) is str else str.__str__(name)] = plain
        size += known + taken
    return copy, size


class _Wrong(Exception):
    """What is wrong with a part of a document; each level on the way up adds where it stands."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.parts: list[str] = []

    def at(self, root: str) -> BadInput:
        """The error for the caller."""
        return BadInput(f"{(root + ''.join(reversed(self.parts)))[:1_000]}: {self.what}", remedy=self.remedy)


_KNOWN_NAMES: dict[str, int] = {}
"""Sizes of field names that were found good: documents of the same kind have the same ones."""
_MOST_KNOWN = 4_096


def _checked_name(name: object) -> int:
    """The size of a field's name; a caller without types may pass a key that is no text."""
    if not (isinstance(name, str) and bool(name) and not _RESERVED.fullmatch(name)):
        raise _Wrong(f"{name!r} cannot name a field.", "Use a text that is not empty and not like __x__.")
    length = _text_size(name)
    if length - 1 > MAX_NAME_BYTES:
        raise _Wrong(f"the field name {name[:40]!r}... is over {MAX_NAME_BYTES} bytes.", "Use a shorter name.")
    if len(_KNOWN_NAMES) < _MOST_KNOWN:
        _KNOWN_NAMES[str.__str__(name)] = length
    return length


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _Wrong(f"nested deeper than {MAX_DEPTH} levels.", "Store the deep part as an artifact.")


def _size(text: str, where: str) -> int:
    try:
        return _text_size(text)
    except _Wrong as wrong:
        raise wrong.at(where) from None


def _text_size(text: str) -> int:
    if text.isascii():
        return len(text) + 1
    try:
        return len(text.encode()) + 1
    except UnicodeEncodeError:
        raise _Wrong("the text holds half of a surrogate pair, which is no character.", "Repair the text's encoding.") from None
