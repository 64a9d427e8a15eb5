"""Properties: nothing crashes the parser, and the evaluator agrees with an independent oracle."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.workflows import DefinitionError, FastClock, Runner, load
from infra.local.workflows.check import check
from infra.local.workflows.errors import WorkflowError
from infra.local.workflows.expressions.compiler import compile_expression
from infra.local.workflows.expressions.lexer import ExpressionError
from infra.local.workflows.expressions.parser import parse
from infra.local.workflows.naming import ScopedNames
from infra.local.workflows.picture import mermaid
from infra.local.workflows.scopes import Layout, Scope

NAMES = ScopedNames(Scope(Layout()), {})
PIECES = ["not", "and", "or", "in", *"()[]{}.,:+-*/%<", "//", "==", "1", "2.5", '"s"', "a", "len", "$", "'", "\\"]
LINES = [
    *("main:", "  steps:", "- a:", "    assign:", "      - x: 1", "    return: ${x}", "    call: http.get", "    next: a"),
    *("    switch:", "      - condition: ${x == 1}", "    for:", "      value: v", "      in: [1]", "    try:", "    except:", "  as: e"),
    *("    parallel:", "{", "}", "[", "]", "&a", "*a", "? b", "!!int", "|", ">", "\t", "'", '"', "- - -"),
]
RICH = """
main:
  params: [args]
  steps:
    - init: {assign: [{log: []}, {m: {'${"k"}': 1, l: [1, {x: "${1 + 2}"}]}}, {'m.l[0]': "${len(log)}"}], next: loop}
    - loop:
        for:
          value: v
          index: i
          in: ["${m.l}", two]
          steps:
            - skip: {switch: [{condition: "${i == 0}", next: continue}, {condition: true, assign: [{log: "${list.concat(log, i)}"}]}]}
            - stop: {next: break}
    - branches:
        parallel:
          shared: [log]
          concurrency_limit: "${1 + 1}"
          branches:
            - one: {steps: [{a: {call: sys.sleep, args: [1]}}, {b: {assign: [{log: "${list.concat(log, 1)}"}]}}]}
            - two: {call: http.get, args: {url: "http://x", query: {a: 1}}, result: r}
    - attempt:
        try: {steps: [{c: {call: sub, args: {n: 3}, result: log}}, {d: {switch: [{condition: "${log == 3}", raise: {code: 5}}]}}]}
        retry: {predicate: "${again}", max_retries: 3, backoff: {initial_delay: 1, max_delay: 60, multiplier: 2}}
        except: {as: e, steps: [{h: {switch: [{condition: '${"code" in e}', return: "${e.code}"}]}}, {i2: {raise: "${e}"}}]}
    - done: {return: ["${log}", "${sub(2)}"]}
sub:
  params: [n, more: "${n + 1}"]
  steps: [{r: {return: "${n * more}"}}]
again:
  params: [e]
  steps: [{r: {return: false}}]
"""


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)))
def test_the_expression_parser_never_crashes(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse(text)


WHOLE = (Path(__file__).parents[2] / "workflows" / "mission.yaml").read_text("utf-8")
EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.one_of(st.sampled_from(LINES + PIECES), st.text(max_size=10))),
    min_size=1,
    max_size=6,
)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    for place, removed, added in edits:
        at = int(place * len(text))
        text = text[:at] + added + text[at + removed :]
    return text


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(LINES), max_size=20).map("\n".join)))
def test_loading_never_crashes(text: str) -> None:
    with contextlib.suppress(DefinitionError):
        load(text + "\n")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([WHOLE, RICH]), EDITS)
def test_what_is_left_of_a_definition_after_edits_is_checked_and_drawn_or_refused(whole: str, edits: list[tuple[float, int, str]]) -> None:
    text = edited(whole, edits) + "\n"
    problems = check(text)
    assert all(problem.line >= 1 and problem.message for problem in problems)
    if all(problem.severity == "warning" for problem in problems):
        mermaid(load(text).program)
    else:
        with pytest.raises(DefinitionError):
            load(text)


def test_the_definitions_that_are_edited_are_right_to_begin_with() -> None:
    assert [check(text) for text in (WHOLE, RICH)] == [[], []]


# The oracle: a generated tree is written as text with as few parentheses as precedence allows, and computed on the tree itself. A double is
# an exact fraction here, rounded once after each operation, as the standard for doubles says.

LEVEL = {"or": 1, "and": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3, "in": 3, "+": 4, "-": 4, "*": 5, "//": 5, "%": 5, "/": 5}
UNARY = {"negate": ("-", 6), "not": ("not ", 7)}
TEXTS = st.text("ab é\"\\'", max_size=4)
DOUBLES = st.integers(0, 4000).map(lambda eighths: eighths / 8)


def arithmetic() -> st.SearchStrategy[object]:
    operators = st.sampled_from(["+", "-", "*", "//", "%", "/"])
    return st.recursive(
        st.one_of(st.integers(0, 999), DOUBLES),
        lambda inner: st.one_of(st.tuples(operators, inner, inner), st.tuples(st.just("negate"), inner)),
        max_leaves=8,
    )


def texts() -> st.SearchStrategy[object]:
    return st.recursive(TEXTS, lambda inner: st.tuples(st.just("+"), inner, inner), max_leaves=3)


def logic() -> st.SearchStrategy[object]:
    orders = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    sides = st.one_of(arithmetic(), texts())
    comparison = st.one_of(
        st.tuples(orders, arithmetic(), arithmetic()),
        st.tuples(orders, texts(), texts()),
        st.tuples(st.sampled_from(["==", "!="]), sides, sides),
        st.tuples(st.just("in"), sides, st.lists(sides, max_size=3)),
    )
    return st.recursive(
        st.one_of(st.booleans(), comparison),
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["and", "or", "AND", "OR", "==", "!="]), inner, inner), st.tuples(st.just("not"), inner)
        ),
        max_leaves=5,
    )


Computed = int | float | bool | str | list[object]


def compute(tree: object) -> Computed:
    """The value by exact arithmetic; raises ZeroDivisionError, and OverflowError where 64 bits do not hold an integer."""
    if isinstance(tree, list):
        return [compute(item) for item in tree]
    if not isinstance(tree, tuple):
        assert isinstance(tree, (int, float, str))
        return tree
    operator = str(tree[0]).lower()
    first = compute(tree[1])
    if operator in ("and", "or"):
        return compute(tree[2]) if bool(first) is (operator == "and") else first
    if operator == "not":
        return not first
    if operator == "negate":
        assert isinstance(first, (int, float))
        return fitting(-first)
    second = compute(tree[2])
    if operator == "in":
        assert isinstance(second, list)
        return any(same(first, item) for item in second)
    if operator in ("==", "!="):
        return same(first, second) is (operator == "==")
    if isinstance(first, str) or isinstance(second, str):
        assert isinstance(first, str) and isinstance(second, str)
        return first + second if operator == "+" else ordered(operator, first, second)
    assert isinstance(first, (int, float)) and isinstance(second, (int, float))
    return number(operator, first, second)


def same(first: object, second: object) -> bool:
    kinds = [("number" if type(value) in (int, float) else type(value).__name__) for value in (first, second)]
    return kinds[0] == kinds[1] and first == second


def ordered(operator: str, first: str | Fraction, second: str | Fraction) -> bool:
    less, equal = first < second, first == second  # type: ignore[operator]  # both are of one type
    return {"<": less, "<=": less or equal, ">": not (less or equal), ">=": not less}[operator]


def number(operator: str, first: int | float, second: int | float) -> int | float | bool:
    a, b = Fraction(first), Fraction(second)
    if operator in LEVEL and LEVEL[operator] == 3:
        return ordered(operator, a, b)
    if operator in ("//", "%", "/") and b == 0:
        raise ZeroDivisionError
    exact = {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}.get(operator)
    floor = (a / b).__floor__() if exact is None else 0
    value = exact() if exact is not None else Fraction(floor) if operator == "//" else a - b * floor
    whole = isinstance(first, int) and isinstance(second, int) and operator != "/"
    return fitting(int(value)) if whole else float(value)


def fitting(value: int | float) -> int | float:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError
    return value


def write(tree: object, floor: int = 0) -> str:
    """Text with only the parentheses that precedence and left-to-right order make necessary."""
    if isinstance(tree, list):
        return f"[{', '.join(map(write, tree))}]"
    if isinstance(tree, str):
        return '"' + tree.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if not isinstance(tree, tuple):
        return str(tree).lower()
    operator = str(tree[0])
    if operator in UNARY:
        sign, level = UNARY[operator]
        text = sign + write(tree[1], level)
    else:
        level = LEVEL[operator.lower()]
        text = f"{write(tree[1], level)} {operator} {write(tree[2], level + 1)}"
    return f"({text})" if level < floor else text


@settings(max_examples=600, deadline=None)
@given(st.one_of(arithmetic(), texts(), logic()))
def test_the_evaluator_agrees_with_the_oracle(tree: object) -> None:
    text = write(tree)
    if len(text) > 400:
        return
    closure = compile_expression(parse(text), NAMES)
    try:
        expected: object = compute(tree)
    except ZeroDivisionError:
        expected = "ZeroDivisionError"
    except OverflowError:
        expected = "ValueError"
    try:
        found: object = closure(None)  # type: ignore[arg-type]  # no variable is read, so no frame is looked at
    except WorkflowError as error:
        found = error.tags[0]
    assert found == expected, text
    assert type(found) is type(expected), text


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
