"""What breaks a released contract and what does not, and that the exports in the repository are current."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from functions.missions import openapi
from schemas import base, release
from schemas.compatibility import differences

OLD: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["a"],
    "properties": {
        "a": {"type": "string", "maxLength": 10},
        "b": {"type": "integer", "minimum": 1},
        "c": {"enum": ["x", "y"], "type": "string"},
        "d": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "e": {"type": "array", "items": {"$ref": "#/$defs/E"}},
    },
    "$defs": {"E": {"type": "object", "properties": {"f": {"type": "number"}}, "required": []}},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """``OLD`` with one place changed; ``None`` removes it."""
    new = copy.deepcopy(OLD)
    *way, last = path.split(".")
    at: Any = new
    for part in way:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("properties.b", None, "M.b: the field was removed or renamed"),
        ("required", ["a", "b"], "M.b: the field is required now"),
        ("properties.a.maxLength", 9, "M.a: maxLength was 10, is 9"),
        ("properties.a.pattern", "^x", "M.a: pattern was none, is ^x"),
        ("properties.b.minimum", 2, "M.b: minimum was 1, is 2"),
        ("properties.b.maximum", 2, "M.b: maximum was none, is 2"),
        ("properties.a.type", "integer", "M.a: the type was string, is integer"),
        ("properties.c.enum", ["x"], "M.c: no longer taken: y"),
        ("properties.d", {"type": "string"}, "M.d: null is no longer taken"),
        ("properties.a.enum", ["k"], "M.a: only k are taken now"),
        ("$defs.E.properties.f.type", "integer", "M.e[].f: the type was number, is integer"),
        ("$defs.E.required", ["f"], "M.e[].f: the field is required now"),
        ("$defs.E.additionalProperties", False, "M.e[]: unknown fields are refused now"),
    ],
)
def test_a_narrower_contract_is_breaking_and_the_place_is_named(path: str, value: object, where: str) -> None:
    assert where in [str(d) for d in differences("M", OLD, changed(path, value)) if d.breaking]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties.g", {"type": "string"}),
        ("properties.a.maxLength", 11),
        ("properties.a.maxLength", None),
        ("properties.b.type", "number"),
        ("properties.b.minimum", 0),
        ("properties.c.enum", ["x", "y", "z"]),
        ("properties.d.anyOf", [{"type": "string"}, {"type": "null"}, {"type": "integer"}]),
        ("required", []),
        ("$defs.E.properties.h", {"type": "string"}),
        ("properties.a.description", "new words"),
    ],
)
def test_a_wider_contract_breaks_nothing(path: str, value: object) -> None:
    assert [d for d in differences("M", OLD, changed(path, value)) if d.breaking] == []


@given(st.sampled_from(release.TOP_LEVEL))
def test_a_contract_is_compatible_with_itself(model: type[BaseModel]) -> None:
    schema = release.schema_of(model)
    assert differences(model.__name__, schema, schema) == []


def test_the_exports_in_the_repository_are_current() -> None:
    assert release.stale() == [], "run `kimera schemas export`"
    assert (release.FOLDER.parent / "openapi.yaml").read_text() == openapi.text(), "run `kimera schemas export`"


def test_an_export_is_the_same_twice_and_removes_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "Gone.json").write_text("{}")
    assert "Gone.json" in release.export(tmp_path)
    assert release.export(tmp_path) == []
    assert release.stale(tmp_path) == []


def test_a_contract_that_disappeared_is_breaking(tmp_path: Path) -> None:
    release.export(tmp_path)
    (tmp_path / "Gone.json").write_text("{}")
    assert [str(d) for s in release.stale(tmp_path) for d in s.breaking] == ["Gone: the contract was removed or renamed"]


def test_every_contract_that_is_no_part_of_another_is_exported() -> None:
    def subclasses(kind: type[BaseModel]) -> set[type[BaseModel]]:
        return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))

    exported = {name for model in release.TOP_LEVEL for name in release.schema_of(model).get("$defs", {}) or ()}  # type: ignore[union-attr] # a mapping
    exported |= {model.__name__ for model in release.TOP_LEVEL}
    ours = {m.__name__ for root in (base.Contract, base.Stored) for m in subclasses(root) if m.__module__.startswith("schemas.")}
    assert ours - exported == {"Contract", "Stored", "ChainHead"} - exported
