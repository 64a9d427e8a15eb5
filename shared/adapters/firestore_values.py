"""JSON as Firestore's values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.adapters.document_rules import WRITE_MARK
from shared.documents import Json, JsonMap

if TYPE_CHECKING:
    from google.cloud.firestore_v1.types import Value


def fields(data: JsonMap, mark: str) -> dict[str, Value]:
    """The fields of a document. ``mark`` differs in every write: Firestore gives no new version to a write that changes nothing."""
    return {WRITE_MARK: value(mark)} | {name: value(item) for name, item in data.items()}


def plain_fields(stored: Mapping[str, Value]) -> dict[str, Json]:
    """The document's data, without the mark."""
    return {name: plain(item) for name, item in stored.items() if name != WRITE_MARK}


def value(json: Json) -> Value:
    """The value, with whole numbers and floats kept apart."""
    from google.cloud.firestore_v1.types import ArrayValue, MapValue, Value

    if json is None:
        return Value(null_value=0)
    if isinstance(json, bool):
        return Value(boolean_value=json)
    if isinstance(json, int):
        return Value(integer_value=json)
    if isinstance(json, float):
        return Value(double_value=json)
    if isinstance(json, str):
        return Value(string_value=json)
    if isinstance(json, list):
        return Value(array_value=ArrayValue(values=[value(item) for item in json]))
    return Value(map_value=MapValue(fields={name: value(item) for name, item in json.items()}))


def plain(stored: Value) -> Json:
    """The JSON of a value. Kinds that no ``DocumentStore`` writes raise ``ValueError``."""
    raw = type(stored).pb(stored)
    match raw.WhichOneof("value_type"):
        case "null_value":
            return None
        case "boolean_value" | "integer_value" | "double_value" | "string_value" as kind:
            scalar: Json = getattr(raw, kind)
            return scalar
        case "array_value":
            return [plain(item) for item in stored.array_value.values]
        case "map_value":
            return {name: plain(item) for name, item in stored.map_value.fields.items()}
        case kind:
            raise ValueError(f"a {kind} is not JSON")
