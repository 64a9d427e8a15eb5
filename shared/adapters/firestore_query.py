"""A ``Query`` as Firestore's ``StructuredQuery``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.document_rules import cursor
from shared.adapters.firestore_values import value
from shared.documents import Query, Where

if TYPE_CHECKING:
    from google.cloud.firestore_v1.types import StructuredQuery

_OPERATOR = {"==": 5, "<": 1, "<=": 2, ">": 3, ">=": 4, "in": 8}
"""Numbers of ``StructuredQuery.FieldFilter.Operator``."""
_ASCENDING, _DESCENDING = 1, 2  # of StructuredQuery.Direction
_NAME = "__name__"


def sorts_itself(query: Query) -> bool:
    """Whether Firestore would put another order in front of the ids: the whole answer is here then, and is sorted after it came."""
    return query.order_by is None and any(where.op not in ("==", "in") for where in query.where)


def structured(query: Query, collection: str, documents: str) -> StructuredQuery:
    """The query on ``collection`` (its name in the database) below the path ``documents``. The query has been checked."""
    from google.cloud.firestore_v1.types import Cursor, StructuredQuery, Value

    direction = _ASCENDING
    order: list[StructuredQuery.Order] = []
    if query.order_by is not None:
        if query.order_by.startswith("-"):
            direction = _DESCENDING
        order.append(_order(query.order_by.removeprefix("-"), direction))
    if not sorts_itself(query):
        order.append(_order(_NAME, direction))
    request = StructuredQuery(from_=[StructuredQuery.CollectionSelector(collection_id=collection)], order_by=order)
    if query.where:
        filters = [_filter(where) for where in query.where]
        together = StructuredQuery.CompositeFilter(op=StructuredQuery.CompositeFilter.Operator.AND, filters=filters)
        request.where = StructuredQuery.Filter(composite_filter=together)
    if query.after is not None:
        last = Value(reference_value=f"{documents}/{collection}/{query.after.ref.id}")
        values = [last] if query.order_by is None else [value(cursor(query, query.after)), last]
        request.start_at = Cursor(values=values, before=False)
    if query.limit is not None:
        request.limit = query.limit
    return request


def _order(name: str, direction: int) -> StructuredQuery.Order:
    from google.cloud.firestore_v1.types import StructuredQuery

    return StructuredQuery.Order(field=StructuredQuery.FieldReference(field_path=name), direction=direction)


def _filter(where: Where) -> StructuredQuery.Filter:
    from google.cloud.firestore_v1.types import StructuredQuery

    field = StructuredQuery.FieldReference(field_path=where.field)
    if where.value is None:
        null = StructuredQuery.UnaryFilter.Operator.IS_NULL
        return StructuredQuery.Filter(unary_filter=StructuredQuery.UnaryFilter(field=field, op=null))
    return StructuredQuery.Filter(field_filter=StructuredQuery.FieldFilter(field=field, op=_OPERATOR[where.op], value=value(where.value)))
