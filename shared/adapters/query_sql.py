"""A ``Query`` as SQL over a table ``documents(collection, id, version, data)`` with JSON in ``data``.

Firestore's order between types (firebase.google.com/docs/firestore/manage-data/data-types) becomes a *rank* in front of the value,
so that a number never meets a text. Missing fields have no rank: they neither match nor are ordered.
"""

from __future__ import annotations

import json
from typing import TypeAlias

from shared.adapters.document_rules import check_field, cursor
from shared.documents import Json, Query, Where

Parameter: TypeAlias = "int | str | None"

_NULL, _BOOLEAN, _NUMBER, _TEXT = 0, 1, 2, 3
_SQL_OPERATOR = {"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def select(query: Query, columns: str) -> tuple[str, list[Parameter]]:
    """The statement and its parameters; ``columns`` is our own text. The query has been checked."""
    conditions = [f"collection = {_literal(query.collection)}"]  # not a parameter: SQLite chooses a partial index by it
    parameters: list[Parameter] = []
    for where in query.where:
        condition, values = _condition(where)
        conditions.append(condition)
        parameters += values
    descending = query.order_by is not None and query.order_by.startswith("-")
    order = ["id"]
    if query.order_by is not None:
        name = query.order_by.removeprefix("-")
        if any(where.field == name and where.op != "in" for where in query.where):
            order = [_value(name), "id"]  # the condition leaves one rank: said so, SQLite reads the index in order
        else:
            order = [_rank(name), _value(name), "id"]
            conditions.append(f"{_rank(name)} IS NOT NULL")
    if query.after is not None:
        condition, values = _behind(query, ">" if not descending else "<")
        conditions.append(condition)
        parameters += values
    direction = " DESC" if descending else ""
    # Everything put in here is ours, a checked field name or a quoted literal; values are parameters.
    text = f"SELECT {columns} FROM documents WHERE {' AND '.join(conditions)} ORDER BY {', '.join(part + direction for part in order)}"  # noqa: S608 - see above
    if query.limit is not None:
        text += " LIMIT ?"
        parameters.append(query.limit)
    return text, parameters


def index(collection: str, *names: str) -> str:
    """The statement that makes queries on one field of one collection fast, or on several: the last may be a range or the order."""
    for name in names:
        check_field(name)
    title = _quoted(index_name(collection, *names))
    columns = ", ".join(f"{_rank(name)}, {_value(name)}" for name in names)
    return f"CREATE INDEX IF NOT EXISTS {title} ON documents({columns}, id, version) WHERE collection = {_literal(collection)}"


def no_index(collection: str, name: str) -> str:
    """The statement that removes the index that an earlier version made."""
    return f"DROP INDEX IF EXISTS {_quoted(index_name(collection, name))}"


def index_name(collection: str, *names: str) -> str:
    """The name of that index."""
    return ":".join((collection, *names))


def _condition(where: Where) -> tuple[str, list[Parameter]]:
    if where.op != "in":
        return _comparison(where.field, _SQL_OPERATOR[where.op], where.value)
    assert isinstance(where.value, list)
    of_rank: dict[int, list[Json]] = {}
    for value in where.value:
        of_rank.setdefault(_rank_of(value), []).append(value)
    alternatives: list[str] = []
    parameters: list[Parameter] = []
    for rank, values in of_rank.items():  # one list for each rank: alternatives of single values SQLite would not look up in an index
        alternatives.append(f"({_rank(where.field)} = {rank} AND {_value(where.field)} IN ({', '.join(map(_bound, values))}))")
        parameters += map(_parameter, values)
    return f"({' OR '.join(alternatives)})" if len(alternatives) > 1 else alternatives[0], parameters


def _comparison(name: str, operator: str, value: Json) -> tuple[str, list[Parameter]]:
    if value is None:
        return f"{_rank(name)} = {_NULL}", []
    return f"({_rank(name)} = {_rank_of(value)} AND {_value(name)} {operator} {_bound(value)})", [_parameter(value)]


def _behind(query: Query, operator: str) -> tuple[str, list[Parameter]]:
    """Rows behind the last document of the page before: compared in the order of ORDER BY."""
    assert query.after is not None
    last = query.after.ref.id
    if query.order_by is None:
        return f"id {operator} ?", [last]
    name, value = query.order_by.removeprefix("-"), cursor(query, query.after)
    if value is None:
        return f"({_rank(name)} {operator} {_NULL} OR ({_rank(name)} = {_NULL} AND id {operator} ?))", [last]
    row = f"({_rank(name)}, {_value(name)}, id)"
    return f"{row} {operator} ({_rank_of(value)}, {_bound(value)}, ?)", [_parameter(value), last]


def _path(name: str) -> str:
    return "'$." + ".".join(f'"{part}"' for part in name.split(".")) + "'"


def _value(name: str) -> str:
    return f"json_extract(data, {_path(name)})"


def _rank(name: str) -> str:
    return (
        f"CASE json_type(data, {_path(name)}) WHEN 'null' THEN {_NULL} WHEN 'false' THEN {_BOOLEAN} WHEN 'true' THEN {_BOOLEAN} "
        f"WHEN 'integer' THEN {_NUMBER} WHEN 'real' THEN {_NUMBER} WHEN 'text' THEN {_TEXT} WHEN 'array' THEN 4 WHEN 'object' THEN 5 END"
    )


def _rank_of(value: Json) -> int:
    if isinstance(value, bool):
        return _BOOLEAN
    return _TEXT if isinstance(value, str) else _NUMBER


def _bound(value: Json) -> str:
    """SQLite reads the last digit of some decimals its own way, so a float goes through the same reader as the stored one."""
    return "json_extract(?, '$')" if isinstance(value, float) else "?"


def _parameter(value: Json) -> Parameter:
    if isinstance(value, float):
        return json.dumps(value)
    assert isinstance(value, (bool, int, str))
    return int(value) if isinstance(value, bool) else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
