"""Expressions. Pages: syntax/expressions, syntax/datatypes, syntax/lists, syntax/maps, syntax/strings, stdlib/expression-helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.local.workflows import DefinitionError, load
from infra.local.workflows.values import Json

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench

ARGUMENT: Json = {
    "i": 7,
    "d": 2.5,
    "s": "text",
    "t": True,
    "n": None,
    "l": [1, "two", [3]],
    "m": {"k": 1, "with space": 2, "deep": {"er": [10, 20]}},
    "big": 2**63 - 1,
    "small": -(2**63),
}

VALUES: list[tuple[str, str, Json]] = [
    # page, expression, value
    ("datatypes: order of operations", "2 + 3 * 4", 14),
    ("datatypes: order of operations", "(2 + 3) * 4", 20),
    ("datatypes: order of operations", "10 - 4 - 3", 3),
    ("datatypes: order of operations", "-2 * -3", 6),
    ("datatypes: order of operations", "2 - -3", 5),
    ("datatypes: order of operations", "1 + 2 < 4 and 3 == 3", True),
    ("datatypes: order of operations", "true or false and false", True),
    ("datatypes: order of operations", "not false and true", True),
    ("datatypes: order of operations", 'not ("x" in ["x"])', False),
    ("datatypes: order of operations", "-a.i + 1", -6),
    ("datatypes: logical operators in capitals", "NOT false AND (true OR false)", True),
    ("datatypes: logical operators stop early", "false and a.missing", False),
    ("datatypes: logical operators stop early", "true or a.missing", True),
    ("datatypes: / is float division", "7 / 2", 3.5),
    ("datatypes: / is float division", "6 / 2", 3.0),
    ("datatypes: // is floor division", "7 // 2", 3),
    ("datatypes: // is floor division", "-7 // 2", -4),
    ("datatypes: // is floor division", "7 // -2", -4),
    ("datatypes: // is floor division", "-7.5 // 2", -4.0),
    ("datatypes: % is the remainder", "7 % 3", 1),
    ("datatypes: % is the remainder", "-7 % 3", 2),
    ("datatypes: % is the remainder", "7 % -3", -2),
    ("datatypes: integer and double", "1 + 0.5", 1.5),
    ("datatypes: integer and double", "2 * a.d", 5.0),
    ("datatypes: 64 bit integers", "9223372036854775807", 2**63 - 1),
    ("datatypes: 64 bit integers", "-9223372036854775808", -(2**63)),
    ("datatypes: comparison", "1 == 1.0", True),
    ("datatypes: comparison", 'a.s != "text"', False),
    ("datatypes: comparison", '"abc" < "abd"', True),
    ("datatypes: comparison", "2 >= 2.0", True),
    ("datatypes: comparison", "a.n == null", True),
    ("datatypes: comparison", "true == 1", False),
    ("datatypes: comparison", "[1, {}] == [1.0, {}]", True),
    ("datatypes: booleans", "[true, True, TRUE, false, False, FALSE]", [True, True, True, False, False, False]),
    ("expressions: string concatenation", 'a.s + " " + a.s', "text text"),
    ("datatypes: implicit conversions, + operator", 'a.s + 1 + 2.5 + "x"', "text12.5x"),
    ("datatypes: implicit conversions, + operator", '[1 + "x", 2.5 + "x", true + "x", a.s + false]', ["1x", "2.5x", "truex", "textfalse"]),
    (
        "datatypes: implicit conversions, + operator",
        "[get_type(1 + 2), get_type(1 + 2.0), get_type(1.5 + 1)]",
        ["integer", "double", "double"],
    ),
    ("expressions: decimal point", ".5 + 1.25", 1.75),
    ("expressions: strings", '"a: \\"b\\" \\\\ \\u00e9\\n"', 'a: "b" \\ é\n'),
    ("error-types: strings in single quotes", "'x' in ['x']", True),
    ("lists: element by index", "a.l[1]", "two"),
    ("lists: nested lists", "a.l[2][0]", 3),
    ("lists: index from an expression", "a.l[a.i - 7]", 1),
    ("lists: membership", "3 in a.l", False),
    ("lists: membership", "[3] in a.l", True),
    ("maps: field", "a.m.deep.er[1]", 20),
    ("maps: key in brackets", 'a.m["with space"]', 2),
    ("maps: membership", '"k" in a.m', True),
    ("maps: membership", '"x" in a.m', False),
    ("expression-helpers: default", "default(a.n, 5)", 5),
    ("expression-helpers: default", "default(0, 5)", 0),
    ("expression-helpers: default with map.get", 'default(map.get(a, "x"), "none")', "none"),
    ("expression-helpers: double", '[double("2.7"), double(3)]', [2.7, 3.0]),
    ("expression-helpers: int", '[int("-12"), int(2.7), int(-2.7), int(5)]', [-12, 2, -2, 5]),
    ("expression-helpers: string", "[string(1), string(1.7), string(true)]", ["1", "1.7", "true"]),
    ("expression-helpers: len", "[len(a.l), len(a.m), len(a.s)]", [3, 3, 4]),
    ("expression-helpers: keys", "keys(a.m)", ["k", "with space", "deep"]),
    ("expression-helpers: if", 'if(a.i > 5, "big", "small")', "big"),
    ("expression-helpers: if, null is false", "[if(null, 1, 2), if(a.n, 1, 2)]", [2, 2]),
    ("expression-helpers: if guards a lookup", 'if("x" in a, a.x, 0)', 0),
    (
        "expression-helpers: get_type",
        "[get_type(a.n), get_type(a.t), get_type(1), get_type(1.0), get_type(a.s), get_type(a.l), get_type(a)]",
        ["null", "boolean", "integer", "double", "string", "list", "map"],
    ),
    ("expression-helpers: get_type of bytes", 'get_type(text.encode("x"))', "bytes"),
    ("expressions: list and map in an expression", '{"x": [1, a.i], "y": {}}', {"x": [1, 7], "y": {}}),
]

FAILURES: list[tuple[str, str, str]] = [
    # page, expression, tag
    ("error-types: TypeError", 'a.i - "1"', "TypeError"),
    ("datatypes: implicit conversions, + operator", "true + 1", "TypeError"),
    ("datatypes: implicit conversions, + operator", "2.5 + false", "TypeError"),
    ("datatypes: implicit conversions, + operator", "true + true", "TypeError"),
    ("datatypes: implicit conversions, + operator", "a.s + null", "TypeError"),
    ("datatypes: implicit conversions, + operator", "a.l + a.s", "TypeError"),
    ("expression-helpers: if", "if(1, 2, 3)", "TypeError"),
    ("error-types: TypeError", "[1] + [2]", "TypeError"),
    ("error-types: TypeError", "not a.i", "TypeError"),
    ("error-types: TypeError", "a.i and true", "TypeError"),
    ("error-types: TypeError", "true and 1", "TypeError"),
    ("error-types: TypeError", "-a.s", "TypeError"),
    ("error-types: TypeError", "a.n < 1", "TypeError"),
    ("error-types: TypeError", "true < 2", "TypeError"),
    ("error-types: TypeError", "a.i.field", "TypeError"),
    ("error-types: TypeError", "a.n.field", "TypeError"),
    ("error-types: TypeError", 'a.l["0"]', "TypeError"),
    ("error-types: TypeError", "a.l[0.0]", "TypeError"),
    ("error-types: TypeError", '"e" in a.s', "TypeError"),
    ("error-types: TypeError", "1 in a.m", "TypeError"),
    ("error-types: TypeError", "len(5)", "TypeError"),
    ("error-types: TypeError", "string(a.m)", "TypeError"),
    ("error-types: TypeError", "keys(a.l)", "TypeError"),
    ("error-types: TypeError, 'not' binds before 'in'", 'not "x" in ["x"]', "TypeError"),
    ("error-types: KeyError", "a.missing", "KeyError"),
    ("error-types: KeyError", 'a.m["missing"]', "KeyError"),
    ("error-types: IndexError", "a.l[3]", "IndexError"),
    ("error-types: IndexError", "a.l[-1]", "IndexError"),
    ("error-types: ZeroDivisionError", "1 / 0", "ZeroDivisionError"),
    ("error-types: ZeroDivisionError", "1 // 0", "ZeroDivisionError"),
    ("error-types: ZeroDivisionError", "1 % 0.0", "ZeroDivisionError"),
    ("error-types: ValueError", 'int("12x")', "ValueError"),
    ("error-types: ValueError", 'double("x")', "ValueError"),
    ("datatypes: 64 bit integers", "a.big + 1", "ValueError"),
    ("datatypes: 64 bit integers", "a.small - 1", "ValueError"),
    ("datatypes: 64 bit integers", "a.big * 2", "ValueError"),
    ("datatypes: 64 bit integers", "-a.small", "ValueError"),
    ("datatypes: 64 bit integers", "a.small // -1", "ValueError"),
    ("datatypes: 64 bit integers", "int(1.0e19)", "ValueError"),
]


@pytest.mark.parametrize(("page", "expression", "expected"), VALUES, ids=[f"{page} | {text}" for page, text, _ in VALUES])
def test_value(bench: Bench, page: str, expression: str, expected: Json) -> None:
    found = bench.value(expression, ARGUMENT)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("page", "expression", "tag"), FAILURES, ids=[f"{page} | {text}" for page, text, _ in FAILURES])
def test_failure(bench: Bench, page: str, expression: str, tag: str) -> None:
    assert tag in bench.value_tags(expression, ARGUMENT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1)",
        "a b",
        "[1",
        "{1}",
        '"open',
        "a..b",
        "a.1",
        "#",
        "1 ++",
        "f(,)",
        "a[",
        "9223372036854775808",
        "And true",
        "true Or false",
        "a.k[b!c]",  # troubleshooting page, "Map keys using non-alphanumeric characters"
        "(" * 150 + ")" * 150,
    ],
)
def test_a_malformed_expression_is_refused_with_its_step_and_line(text: str) -> None:
    """Page: syntax/expressions. The service refuses to deploy it."""
    with pytest.raises(DefinitionError) as caught:
        load("- first:\n    assign: [{a: 1}]\n- bad:\n    return: '${" + text.replace("'", "''") + "}'\n")
    (problem,) = caught.value.problems
    assert (problem.step, problem.line) == ("bad", 4)


def test_an_expression_has_at_most_400_characters() -> None:
    """Page: quotas, "Expression length"."""
    load("- ok: {return: '${\"" + "x" * 398 + "\"}'}\n")
    with pytest.raises(DefinitionError, match="limit is 400"):
        load("- ok: {return: '${\"" + "x" * 399 + "\"}'}\n")


def test_an_expression_may_span_lines(bench: Bench) -> None:
    """Page: syntax/expressions, "Use an expression over multiple lines"."""
    definition = """
    - make:
        assign:
          - id: 7
          - query: |
              ${"SELECT * "
                + "WHERE id=" + string(id)}
    - done:
        return: ${query}
    """
    assert bench.result(definition) == "SELECT * WHERE id=7"


def test_only_a_whole_string_is_an_expression(bench: Bench) -> None:
    """Page: syntax/expressions: an expression begins with a $ and is enclosed in curly brackets."""
    assert bench.result("- done:\n    return: 'id ${1 + 1}'\n") == "id ${1 + 1}"


def test_an_emoji_may_be_written_as_its_two_halves(bench: Bench) -> None:
    assert bench.value('["\\ud83d\\ude00", len("\\ud83d\\ude00")]') == ["\U0001f600", 1]


def test_half_a_character_is_given_back_as_the_sign_for_what_is_no_text(bench: Bench) -> None:
    """A result is JSON, which is UTF-8: nobody could read half a surrogate pair. Both a key and a value may have one."""
    assert bench.value('{"\\ud83d": "a\\ude00"}') == {"\ufffd": "a\ufffd"}


@pytest.mark.parametrize(
    "expression", ["1.0e308 * 10", "[-1.0e308 * 10]", '{"k": 1.0e308 * 10 - 1.0e308 * 10}', "json.encode(1.0e308 * 10)"]
)
def test_a_double_that_json_cannot_write_is_not_given_back(bench: Bench, expression: str) -> None:
    """Page: syntax/datatypes: what an execution returns is JSON."""
    assert bench.value_tags(expression) == ["ValueError"]


@pytest.mark.parametrize("call", ['http.get("http://x")', "sys.sleep(1)", 'sys.log("x")'])
def test_a_blocking_call_is_not_allowed_in_an_expression(call: str) -> None:
    """Page: syntax/expressions, "Blocking calls"."""
    with pytest.raises(DefinitionError, match="blocking"):
        load("- bad:\n    return: ${" + call + "}\n")


def test_an_undefined_variable_is_refused() -> None:
    """Page: troubleshooting, "Deployment errors"."""
    with pytest.raises(DefinitionError, match="symbol 'varC' is neither a variable nor a sub-workflow name"):
        load("- step1:\n    assign:\n      - varA: x\n- step2:\n    return: ${varC + varA}\n")


def test_a_variable_may_be_named_like_a_module(bench: Bench) -> None:
    """Pages: syntax/variables (names), stdlib/overview."""
    definition = """
    - set:
        assign:
          - text: {lower: given}
          - map: {x: 1}
    - done:
        return: '${text.to_upper(text.lower) + string(map.get(map, "x"))}'
    """
    assert bench.result(definition) == "GIVEN1"
