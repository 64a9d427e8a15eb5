"""A JSON text in which one object has a key twice is told from one in which two objects have the same."""

from __future__ import annotations

import pytest

from shared.json_keys import RepeatedKey, loads_json, require_unique


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2, "a": 1}', '{"b": [{"a": {}, "a": {}}]}', '{"a": 1, "\\u0061": 1}'])
def test_a_key_that_one_object_has_twice_is_named(text: str) -> None:
    for read in (loads_json, require_unique):
        with pytest.raises(RepeatedKey, match="the key 'a' is written twice") as caught:
            read(text.encode())
        assert caught.value.key == "a"


@pytest.mark.parametrize(
    "text", ['{"a": {"a": [{"a": 1}, {"a": 1}]}, "A": "a"}', "[]", "{}", pytest.param('{"a": ' + "9" * 5_000 + "}", id="a long number")]
)
def test_a_key_that_no_object_has_twice_is_taken(text: str) -> None:
    require_unique(text.encode())
