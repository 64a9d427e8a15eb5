"""One `check` names every mistake, each where it is made and nowhere else."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.workflows import DefinitionError, load
from infra.local.workflows.check import check

# A plain value of YAML, as `yaml.safe_load` gives it.
Plain = object

MANY_MISTAKES = """\
main:
  params: [args]
  steps:
    - init:
        assign:
          - total: ${1 +}
          - 3d: 1
          - name: ${args.name}
    - loop:
        for:
          value: v
          inn: [1, 2]
          steps:
            - unknown_call: {call: foo.bar, result: r}
            - misspelled: {retun: 1}
    - two: {assign: [{a: 1}], call: http.get}
    - fetch: {call: helper, args: {n: 1, m: 2}, result: q}
    - use: {assign: [{z: "${totl + total + a + q + name}"}], next: nowhere}
    - choose:
        switch:
          - {cond: true, next: end}
          - {condition: "${missing}", next: use}
          - {condition: "${b ++}", return: "${gone}"}
    - both:
        parallel:
          branches:
            - one: {steps: [{write: {assign: [{z: 3}]}}]}
            - two_b: 5
helper:
  params: n
  steps:
    - back: {return: "${n + k}"}
"""


def test_mistakes_of_every_kind_are_found_in_one_look() -> None:
    """What reads well is checked too: `total`, `a` and `q` are named in parts that do not, so nothing is said of them."""
    expected = [
        ("init", 6, "expression"),
        ("init", 7, "target"),
        ("loop", 12, "unknown_key"),
        ("unknown_call", 14, "unknown_name"),
        ("misspelled", 15, "unknown_key"),
        ("two", 16, "two_actions"),
        ("use", 18, "unknown_step"),
        ("use", 18, "unknown_name"),
        ("choose", 21, "unknown_key"),
        ("choose", 22, "unknown_name"),
        ("choose", 23, "expression"),
        ("choose", 23, "unknown_name"),
        ("write", 27, "not_shared"),
        ("both", 28, "invalid"),
        ("", 30, "invalid"),
        ("back", 32, "unknown_name"),
    ]
    assert [(problem.step, problem.line, problem.code) for problem in check(MANY_MISTAKES)] == expected


def test_what_is_doubtful_is_said_beside_what_is_wrong() -> None:
    text = "- a: {return: '${x}'}\n- b: {raise: 5}\n"
    assert [(problem.severity, problem.step, problem.code) for problem in check(text)] == [
        ("error", "a", "unknown_name"),
        ("warning", "b", "fails"),
    ]


def test_a_key_written_twice_is_told_with_both_lines() -> None:
    (problem,) = check("- a:\n    return: 1\n    return: 2\n")
    assert (problem.line, problem.message) == (3, "the key 'return' is written twice, first in line 2")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("- a: {assign: [{x: 1}], assign: [{y: 2}]}\n- b: {return: '${x + y}'}\n", ["duplicate_key"]),
        ("- a: {return: !odd 1}\n- b: {next: c}\n", ["yaml", "unknown_step"]),
        ("? [1]\n: 2\nmain: [{a: {return: '${x}'}}]\n", ["yaml", "unknown_name"]),
        ("- a: {next: b}\n---\n- b: {next: a}\n", ["unknown_step", "yaml"]),
        ("sub: [{a: {return: '${x}'}}]\n", ["no_main", "unknown_name"]),
    ],
    ids=["a key written twice", "an unknown tag", "a key that is no string", "two documents", "no main"],
)
def test_what_yaml_allows_and_a_definition_does_not_hides_no_other_mistake(text: str, codes: list[str]) -> None:
    assert [problem.code for problem in check(text)] == codes


@pytest.mark.parametrize(
    "text",
    [
        "main: [{a: {call: sub, args: {n: 1, m: 2}}}, {b: {return: '${sub(1)}'}}]\nsub:\n  params: {n: 1}\n  steps: [{c: {return: 1}}]\n",
        "- a: {assign: [{'my-map': {}}, {x: 1}]}\n- b: {return: '${my - map + x}'}\n",
        "- a: {asign: [{x: 1}]}\n- b: {return: '${x}'}\n",
        "- a: {for: {vale: v, in: [1], steps: [{b: {assign: [{x: '${v}'}]}}]}}\n- c: {next: b}\n",
        "- a: {parallel: {shared: x, branches: [{p: {steps: [{b: {assign: [{y: 1}]}}]}}]}}\n- c: {return: '${y}'}\n",
        "- a: {call: sys.sleep, args: {'${1 +}': 1}}\n",
        "- a:\n    try: {raise: x}\n    retry: {predicate: '${1 +}', max_retries: 3}\n",
        "- a: {switch: [{condition: '${1 +}', next: b}]}\n- b: {return: 1}\n",
        "- a: {return: 1, foo: 1}\n- b: {return: 2}\n",
        "main:\n  stps: [{a: {return: 1}}]\n",
    ],
)
def test_a_mistake_is_named_once_and_not_what_follows_from_it(text: str) -> None:
    assert len([problem for problem in check(text) if problem.severity == "error"]) == 1
    assert all(problem.code != "unreachable" for problem in check(text))


def test_a_definition_with_mistakes_is_refused_with_all_of_them() -> None:
    with pytest.raises(DefinitionError) as caught:
        load(MANY_MISTAKES, name="flow.yaml")
    assert caught.value.problems == [problem for problem in check(MANY_MISTAKES) if problem.severity == "error"]
    assert str(caught.value).startswith('flow.yaml:6:20: error in step "init": in the expression ${1 +}')


# Properties: a clean definition is broken in one step or in two.

CLEAN = """
main:
  params: [args]
  steps:
    - init: {assign: [{log: []}, {m: {k: 1, l: [1, {x: "${1 + 2}"}]}}, {"m.l[0]": "${len(log)}"}]}
    - jump: {switch: [{condition: "${len(log) > 5}", next: inner}]}
    - loop:
        for:
          value: v
          index: i
          in: ["${m.l}", two]
          steps:
            - skip: {switch: [{condition: "${i == 0}", next: continue}, {condition: true, assign: [{log: "${list.concat(log, v)}"}]}]}
            - stop: {next: break}
    - branches:
        parallel:
          shared: [log]
          concurrency_limit: "${1 + 1}"
          branches:
            - one: {steps: [{nap: {call: sys.sleep, args: [1]}}, {note: {assign: [{log: "${list.concat(log, 1)}"}]}}]}
            - two: {steps: [{get: {call: http.get, args: {url: "http://x", query: {a: 1}}, result: r}}]}
    - attempt:
        try: {steps: [{ask: {call: sub, args: {n: 3}, result: log}}, {judge: {switch: [{condition: "${log == 3}", raise: {code: 5}}]}}]}
        retry: {predicate: "${again}", max_retries: 3, backoff: {initial_delay: 1, max_delay: 60, multiplier: 2}}
        except: {as: e, steps: [{look: {switch: [{condition: '${"code" in e}', return: "${e.code}"}]}}, {again_: {raise: "${e}"}}]}
    - nested: {steps: [{inner: {assign: [{late: 1}]}}, {last: {call: sys.log, args: {data: "${late}"}}}]}
    - done: {return: ["${log}", "${sub(2)}"]}
sub:
  params: [n, more: "${n + 1}"]
  steps: [{times: {return: "${n * more}"}}]
again:
  params: [e]
  steps: [{no_more: {return: false}}]
"""


def steps(node: Plain) -> Iterator[tuple[str, dict[str, Plain]]]:
    """Every step of a definition: its name, and the map that has it as its one key."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "steps" and isinstance(value, list):
                for step in value:
                    (name,) = step
                    yield name, step
            yield from steps(value)
    elif isinstance(node, list):
        for item in node:
            yield from steps(item)


TREE = yaml.safe_load(CLEAN)
NAMES = [name for name, _ in steps(TREE)]


def broken(how: int, name: str, body: dict[str, Plain]) -> Plain:
    """``body`` with one mistake in it; all that it names is still there."""
    word = next(iter(body))
    ways: list[Plain] = [
        [body],
        {**body, "oddity": 1},
        {"raise": 1, "return": 2, **body},
        {word + "x": body[word], **{key: value for key, value in body.items() if key != word}},
        {"for": {"value": "not a name", "in": [], "steps": [{"deeper": body}]}},
        {**body, "next": [f"of_{name}"]},
        {**body, "next": f"no_{name}"},
    ]
    return ways[how % len(ways)]


def found(*mistakes: tuple[str, int]) -> set[tuple[str, str, str]]:
    definition = copy.deepcopy(TREE)
    for name, how in mistakes:
        step = next(step for found, step in steps(definition) if found == name)
        body = step[name]
        assert isinstance(body, dict)
        step[name] = broken(how, name, body)
    problems = check(json.dumps(definition, indent=1))
    assert any(problem.severity == "error" for problem in problems)
    return {(problem.step, problem.code, problem.message) for problem in problems}


def test_the_definition_that_is_broken_is_right_to_begin_with() -> None:
    assert check(CLEAN) == []


@pytest.mark.parametrize("how", range(7))
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_of_a_step_that_is_right(name: str, how: int) -> None:
    assert {step for step, _, _ in found((name, how))} == {name}


INSIDE = {name: {inner for inner, _ in steps(step[name])} for name, step in steps(TREE)}
PAIRS = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(
    lambda pair: pair[0] != pair[1] and pair[0] not in INSIDE[pair[1]] and pair[1] not in INSIDE[pair[0]]
)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.integers(0, 6), st.integers(0, 6))
def test_two_mistakes_are_found_together_as_each_is_alone(pair: tuple[str, str], first: int, second: int) -> None:
    one, other = (pair[0], first), (pair[1], second)
    assert found(one, other) == found(one) | found(other)


LEAVES = st.recursive(
    st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["", "x", "${x}", "${1 +}", "${", "a b", "end"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                "assign call args result switch condition next for value index in range steps parallel branches shared concurrency_limit "
                "exception_policy try retry except as predicate max_retries backoff raise return main params x ${x} ${1".split()
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(LEAVES, st.sampled_from(NAMES))
def test_any_body_of_a_step_is_read_or_refused(body: Plain, name: str) -> None:
    definition = copy.deepcopy(TREE)
    next(step for found, step in steps(definition) if found == name)[name] = body
    text = json.dumps(definition, indent=1)
    wrong = [problem for problem in check(text) if problem.severity == "error"]
    if wrong:
        with pytest.raises(DefinitionError) as caught:
            load(text)
        assert caught.value.problems == wrong
    else:
        load(text)
