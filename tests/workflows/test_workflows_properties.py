"""Properties: nothing crashes the parser, and the evaluator agrees with an independent oracle."""

from __future__ import annotations

import contextlib
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.workflows import DefinitionError, FastClock, Runner, load
from infra.local.workflows.errors import WorkflowError
from infra.local.workflows.expressions.compiler import compile_expression
from infra.local.workflows.expressions.lexer import ExpressionError
from infra.local.workflows.expressions.parser import parse
from infra.local.workflows.naming import ScopedNames
from infra.local.workflows.scopes import Layout, Scope
from infra.local.workflows.values import Value

NAMES = ScopedNames(Scope(Layout()), {})
PIECES = ["not", "and", "or", "in", *"()[]{}.,:+-*/%<", "//", "==", "1", "2.5", '"s"', "a", "len", "$", "'", "\\"]
LINES = [
    *("main:", "  steps:", "- a:", "    assign:", "      - x: 1", "    return: ${x}", "    call: http.get", "    next: a"),
    *("    switch:", "      - condition: ${x == 1}", "    for:", "      value: v", "      in: [1]", "    try:", "    except:", "  as: e"),
    *("    parallel:", "{", "}", "[", "]", "&a", "*a", "? b", "!!int", "|", ">", "\t", "'", '"', "- - -"),
]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)))
def test_the_expression_parser_never_crashes(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse(text)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(LINES), max_size=20).map("\n".join)))
def test_loading_never_crashes(text: str) -> None:
    with contextlib.suppress(DefinitionError):
        load(text + "\n")


# The oracle: a generated tree is written as text with as few parentheses as precedence allows, and computed on the tree itself.

Tree = tuple[str, object, object] | int | bool | Fraction
LEVEL = {"or": 1, "and": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3, "+": 4, "-": 4, "*": 5, "//": 5, "%": 5}


def arithmetic() -> st.SearchStrategy[object]:
    return st.recursive(
        st.integers(0, 999), lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "//", "%"]), inner, inner), max_leaves=8
    )


def logic() -> st.SearchStrategy[object]:
    comparison = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), arithmetic(), arithmetic())
    return st.recursive(
        st.one_of(st.booleans(), comparison), lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner), max_leaves=5
    )


def compute(tree: object) -> int | bool:
    """The value by arithmetic on unbounded integers; raises ZeroDivisionError, and OverflowError where 64 bits do not hold it."""
    if not isinstance(tree, tuple):
        assert isinstance(tree, int)
        return tree
    operator, left, right = tree
    if operator in ("and", "or"):
        first = compute(left)
        return (compute(right) if first else False) if operator == "and" else (True if first else compute(right))
    a, b = compute(left), compute(right)
    if operator in ("//", "%"):
        if b == 0:
            raise ZeroDivisionError
        quotient = (Fraction(a) / Fraction(b)).__floor__()
        return fitting(quotient if operator == "//" else a - b * quotient)
    table: dict[str, int | bool] = {
        "+": a + b,
        "-": a - b,
        "*": a * b,
        "<": a < b,
        "<=": a <= b,
        ">": a > b,
        ">=": a >= b,
        "==": a == b,
        "!=": a != b,
    }
    return fitting(table[str(operator)])


def fitting(value: int | bool) -> int | bool:
    if not -(2**63) <= value < 2**63:
        raise OverflowError
    return value


def write(tree: object, floor: int = 0) -> str:
    """Text with only the parentheses that precedence and left-to-right order make necessary."""
    if not isinstance(tree, tuple):
        return str(tree).lower()
    operator, left, right = tree
    level = LEVEL[str(operator)]
    text = f"{write(left, level)} {operator} {write(right, level + 1)}"
    return f"({text})" if level < floor else text


@settings(max_examples=400, deadline=None)
@given(st.one_of(arithmetic(), logic()))
def test_the_evaluator_agrees_with_the_oracle(tree: object) -> None:
    text = write(tree)
    if len(text) > 400:
        return
    closure = compile_expression(parse(text), NAMES)
    try:
        expected: Value = compute(tree)
    except ZeroDivisionError:
        expected = "ZeroDivisionError"
    except OverflowError:
        expected = "ValueError"
    try:
        found: Value = closure(None)  # type: ignore[arg-type]  # no variable is read, so no frame is looked at
    except WorkflowError as error:
        found = error.tags[0]
    assert found == expected
    assert type(found) is type(expected)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)
)
JSON = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)), max_leaves=12
)
ECHO = "main:\n  params: [a]\n  steps:\n    - c: {assign: [{b: '${json.decode(json.encode(a))}'}]}\n    - r: {return: '${[a, a == b]}'}\n"


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_any_json_goes_in_and_comes_out(value: object) -> None:
    with Runner(clock=FastClock()) as runner:
        assert runner.start(load(ECHO), value, execution_id="x").wait(5).result == [value, True]  # type: ignore[arg-type]  # hypothesis makes Json
