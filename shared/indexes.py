"""What may be asked of the document store: the one table of indexes.

SQLite makes an index for each field of ``FIELDS``. Pulumi declares the same in Firestore, together with ``COMPOSITES``, and switches the
indexes of all other fields off, so that a write pays for nothing that nobody asks. ``undeclared`` says what a query lacks, and
``shared/adapters/declared_queries.py`` refuses such a query everywhere: SQLite and the emulator would answer what production does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.documents import Query

FIELDS: Mapping[str, tuple[str, ...]] = {
    "missions": ("owner", "status", "mission_id", "admitted", "late", "updated_at"),
    "tracks": ("mission_id",),
    "events": ("mission_id",),
    "tasks": ("due", "held"),
    "dead_letters": ("at", "mission_id"),
    "idempotency": ("mission_id",),
    "purses": ("mission_id",),
    "days": ("day",),
    "slices": ("mission_id",),
    "activity": ("mission_id",),
    "journal": ("mission_id", "slice_id", "key", "state", "role", "account", "day"),
}
"""The fields that are queried, by collection."""


NAMING = frozenset({"mission_id", "slice_id", "key"})
"""Those of them that pick few documents: SQLite looks them up first."""


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite index: ``equal`` is compared for equality, the answer is in the order of ``order`` (``-`` in front: descending)."""

    collection: str
    equal: str
    order: str


COMPOSITES: tuple[Composite, ...] = (
    Composite("missions", "owner", "-mission_id"),
    Composite("missions", "status", "-mission_id"),
    Composite("missions", "late", "-mission_id"),
)
"""Each with one compared field: Firestore merges those of equal order, so three serve every choice of the three
(firebase.google.com/docs/firestore/query-data/index-overview, "Taking advantage of index merging")."""


EXPIRING: Mapping[str, str] = {}
"""The field by whose moment Firestore removes a document (a TTL policy), by collection. Only fields of its own timestamp type count, and
our documents are JSON: nothing goes by itself so far, a mission is removed as a whole."""


def undeclared(query: Query, *, fields: Mapping[str, Sequence[str]] = FIELDS, composites: Sequence[Composite] = COMPOSITES) -> list[str]:
    """What the query needs and the table lacks, in words; empty where it can be answered."""
    equal = {where.field for where in query.where if where.op in ("==", "in")}
    ranged = {where.field for where in query.where} - equal
    order = query.order_by or next(iter(ranged), None)
    known = fields.get(query.collection, ())
    ordered = order.removeprefix("-") if order else None
    needed = sorted(equal | ranged | ({ordered} if ordered else set()))
    lacking = [f"the field {name} of {query.collection}" for name in needed if name not in known]
    if order is None or not equal - {ordered}:
        return lacking  # Firestore merges the fields' own indexes
    for name in sorted(equal - {ordered}):
        if Composite(query.collection, name, order) not in composites:
            lacking.append(f"a composite of {name} and {order} of {query.collection}")
    return lacking
