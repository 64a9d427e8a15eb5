"""What ``kimera workflows check`` says: each problem with its severity, step and line, and nothing of a definition that is right.

Pages: troubleshooting ("Deployment errors"), syntax/steps, syntax/jumps, syntax/variables, syntax/parallel-steps, quotas.
"""

from __future__ import annotations

import pytest

from infra.local.workflows.check import check
from infra.local.workflows.limits import SERVICE

# One definition a line reads better than many wrapped ones.
# fmt: off
# ruff: noqa: E501

WRONG: list[tuple[str, str, tuple[str, str, int, str]]] = [
    # what is wrong, the definition, the first problem: severity, step, line, code
    ('unknown key in step', '- a:\n    return: 1\n    foo: 2\n', ('error', 'a', 3, 'unknown_key')),
    ('unknown key routine', 'main:\n  stepz: []\n  steps:\n    - a: {return: 1}\n', ('error', '', 2, 'unknown_key')),
    ('jump nowhere', '- a:\n    next: zz\n', ('error', 'a', 1, 'unknown_step')),
    ('jump nowhere switch', '- a:\n    switch:\n      - condition: true\n        next: zz\n', ('error', 'a', 3, 'unknown_step')),
    ('jump into loop', '- a:\n    next: inner\n- l:\n    for: {value: v, in: [1], steps: [{inner: {assign: [{x: 1}]}}]}\n', ('error', 'a', 1, 'unknown_step')),
    ('jump out of branch', '- p:\n    parallel:\n      branches:\n        - b: {steps: [{s: {next: out}}]}\n- out: {return: 1}\n', ('error', 's', 4, 'unknown_step')),
    ('jump between branches', '- p:\n    parallel:\n      branches:\n        - b: {steps: [{s: {next: t}}]}\n        - c: {steps: [{t: {assign: [{x: 1}]}}]}\n', ('error', 's', 4, 'unknown_step')),
    ('jump into except', '- t:\n    try: {raise: x}\n    except: {as: e, steps: [{h: {return: 1}}]}\n- j: {next: h}\n', ('error', 'j', 4, 'unknown_step')),
    ('jump to other routine', 'main:\n  steps:\n    - a: {next: s}\nsub:\n  steps:\n    - s: {return: 1}\n', ('error', 'a', 3, 'unknown_step')),
    ('unknown function', '- a: {call: foo.bar}\n', ('error', 'a', 1, 'unknown_name')),
    ('unknown googleapis shape', '- a: {call: googleapis}\n', ('error', 'a', 1, 'unknown_name')),
    ('unknown gke', '- a: {call: gke.nope}\n', ('error', 'a', 1, 'unknown_name')),
    ('an unknown function in an expression', "- a: {return: '${foo(1)}'}\n", ('error', 'a', 1, 'unknown_name')),
    ('wrong arg name', '- a: {call: sys.sleep, args: {second: 1}}\n', ('error', 'a', 1, 'unknown_name')),
    ('missing arg', '- a: {call: sys.sleep}\n', ('error', 'a', 1, 'unknown_name')),
    ('too many positional', "- a: {return: '${len(1, 2)}'}\n", ('error', 'a', 1, 'unknown_name')),
    ('an argument that a subworkflow does not have', 'main:\n  steps:\n    - a: {call: s, args: {q: 1}}\ns:\n  params: [x]\n  steps:\n    - r: {return: 1}\n', ('error', 'a', 3, 'unknown_name')),
    ('undefined var', "- a: {return: '${x}'}\n", ('error', 'a', 1, 'unknown_name')),
    ('undefined in cond', "- a: {switch: [{condition: '${x > 1}', next: end}]}\n", ('error', 'a', 1, 'unknown_name')),
    ('undefined in retry', "- a:\n    try: {raise: x}\n    retry: {predicate: '${nope}', max_retries: 3, backoff: {initial_delay: 1, max_delay: 1, multiplier: 1}}\n", ('error', 'a', 3, 'unknown_name')),
    ('undefined in loop in', "- a: {for: {value: v, in: '${xs}', steps: [{s: {next: continue}}]}}\n", ('error', 'a', 1, 'unknown_name')),
    ('undefined in range', "- a: {for: {value: v, range: ['${x}', 3], steps: [{s: {next: continue}}]}}\n", ('error', 'a', 1, 'unknown_name')),
    ('undefined in limit', "- a: {parallel: {concurrency_limit: '${x}', branches: [{b: {steps: [{s: {return: 1}}]}}]}}\n", ('error', 'a', 1, 'unknown_name')),
    ('undefined in map key', "- a: {return: {'${x}': 1}}\n", ('error', 'a', 1, 'unknown_name')),
    ('undefined in param default', "main:\n  steps:\n    - a: {call: s}\ns:\n  params: [x: '${y}']\n  steps:\n    - r: {return: 1}\n", ('error', '', 5, 'unknown_name')),
    ('undefined part assign', '- a: {assign: [{x.y: 1}]}\n', ('error', 'a', 1, 'unknown_name')),
    ('undefined index in target', "- a: {assign: [{l: [1]}, {'l[i]': 1}]}\n", ('error', 'a', 1, 'unknown_name')),
    ('undefined in sub', "main:\n  steps:\n    - i: {assign: [{x: 1}]}\n    - a: {call: s}\ns:\n  steps:\n    - r: {return: '${x}'}\n", ('error', 'r', 7, 'unknown_name')),
    ('loop var outside', "- l: {for: {value: v, in: [1], steps: [{s: {assign: [{x: 1}]}}]}}\n- r: {return: '${v}'}\n", ('error', 'r', 2, 'unknown_name')),
    ('loop-local outside', "- l: {for: {value: v, in: [1], steps: [{s: {assign: [{x: 1}]}}]}}\n- r: {return: '${x}'}\n", ('error', 'r', 2, 'unknown_name')),
    ('except var outside', "- t:\n    try: {raise: x}\n    except: {as: e, steps: [{h: {assign: [{y: 1}]}}]}\n- r: {return: '${e}'}\n", ('error', 'r', 4, 'unknown_name')),
    ('branch-local outside', "- p: {parallel: {branches: [{b: {steps: [{s: {assign: [{x: 1}]}}]}}]}}\n- r: {return: '${x}'}\n", ('error', 'r', 2, 'unknown_name')),
    ('branch-local in other branch', "- p: {parallel: {branches: [{b: {steps: [{s: {assign: [{x: 1}]}}]}}, {c: {steps: [{t: {return: '${x}'}}]}}]}}\n", ('error', 't', 1, 'unknown_name')),
    ('unreachable after return', '- a: {return: 1}\n- b: {return: 2}\n', ('warning', 'b', 2, 'unreachable')),
    ('unreachable after next', '- a: {next: c}\n- b: {return: 2}\n- c: {return: 3}\n', ('warning', 'b', 2, 'unreachable')),
    ('unreachable after end', '- a: {assign: [{x: 1}], next: end}\n- b: {return: 2}\n', ('warning', 'b', 2, 'unreachable')),
    ('unreachable after raise', '- a: {raise: x}\n- b: {return: 2}\n', ('warning', 'b', 2, 'unreachable')),
    ('unreachable after switch w/ default', '- s:\n    switch:\n      - condition: true\n        return: 1\n- b: {return: 2}\n', ('warning', 'b', 5, 'unreachable')),
    ('unreachable after switch next', "- s:\n    switch:\n      - condition: '${1 > 0}'\n        return: 1\n    next: end\n- b: {return: 2}\n", ('warning', 'b', 6, 'unreachable')),
    ('unreachable after nested return', '- s:\n    steps:\n      - i: {return: 1}\n- b: {return: 2}\n', ('warning', 'b', 4, 'unreachable')),
    ('unreachable after try all return', "- t:\n    try: {steps: [{i: {return: 1}}]}\n    except: {as: e, steps: [{h: {raise: '${e}'}}]}\n- b: {return: 2}\n", ('warning', 'b', 4, 'unreachable')),
    ('unreachable self-loop only', '- a: {return: 1}\n- b: {assign: [{x: 1}], next: b}\n', ('warning', 'b', 2, 'unreachable')),
    ('unreachable pair', '- a: {return: 1}\n- b: {next: c}\n- c: {next: b}\n', ('warning', 'b', 2, 'unreachable')),
    ('break outside', '- a: {next: break}\n', ('error', 'a', 1, 'not_in_loop')),
    ('continue in branch', '- l: {for: {value: v, in: [1], steps: [{p: {parallel: {branches: [{b: {steps: [{s: {next: continue}}]}}]}}}]}}\n', ('error', 's', 1, 'not_in_loop')),
    ('unshared', '- i: {assign: [{x: 1}]}\n- p: {parallel: {branches: [{b: {steps: [{s: {assign: [{x: 2}]}}]}}]}}\n', ('error', 's', 2, 'not_shared')),
    ('unshared nested', '- i: {assign: [{x: 1}]}\n- p: {parallel: {shared: [x], branches: [{b: {steps: [{q: {parallel: {branches: [{c: {steps: [{s: {assign: [{x: 2}]}}]}}]}}}]}}]}}\n', ('error', 's', 2, 'not_shared')),
    ('unshared by result', '- i: {assign: [{x: 1}]}\n- p: {parallel: {for: {value: v, in: [1], steps: [{s: {call: sys.now, result: x}}]}}}\n', ('error', 's', 2, 'not_shared')),
    ('unshared in loop in branch', '- i: {assign: [{x: 1}]}\n- p: {parallel: {branches: [{b: {steps: [{l: {for: {value: v, in: [1], steps: [{s: {assign: [{x: 2}]}}]}}}]}}]}}\n', ('error', 's', 2, 'not_shared')),
    ('unshared in except in branch', '- i: {assign: [{x: 1}]}\n- p: {parallel: {branches: [{b: {steps: [{t: {try: {raise: q}, except: {as: e, steps: [{s: {assign: [{x: 2}]}}]}}}]}}]}}\n', ('error', 's', 2, 'not_shared')),
    ('shared unknown', '- p: {parallel: {shared: [x], branches: [{b: {steps: [{s: {assign: [{y: 2}]}}]}}]}}\n', ('error', 'p', 1, 'unknown_name')),
    ('3 nested parallels', '- a: {parallel: {branches: [{b: {steps: [{c: {parallel: {branches: [{d: {steps: [{e: {parallel: {branches: [{f: {steps: [{g: {return: 1}}]}}]}}}]}}]}}}]}}]}}\n', ('warning', 'e', 1, 'limit')),
    ('retry without try', "- a: {call: sys.now, retry: '${http.default_retry}'}\n", ('error', 'a', 1, 'unknown_key')),
    ('blocking in expr', '- a: {return: \'${http.get("x")}\'}\n', ('error', 'a', 1, 'unknown_name')),
    ('the same step name twice, one nested', '- a: {steps: [{b: {assign: [{x: 1}]}}]}\n- b: {return: 1}\n', ('error', 'b', 2, 'duplicate_step')),
    ('step named end', '- end: {return: 1}\n', ('warning', 'end', 1, 'reserved')),
    ('routine named as lib', 'main:\n  steps:\n    - a: {call: len, args: [x]}\nlen:\n  params: [x]\n  steps:\n    - r: {return: 1}\n', ('warning', '', 4, 'hides_function')),
    ('bad retry key', "- a:\n    try: {raise: x}\n    retry: {predicate: '${retry.always}', max_retry: 3}\n", ('error', 'a', 3, 'unknown_key')),
    ('bad backoff key', "- a:\n    try: {raise: x}\n    retry: {predicate: '${retry.always}', max_retries: 3, backoff: {delay: 1}}\n", ('error', 'a', 3, 'unknown_key')),
    ('condition literal string', "- a: {switch: [{condition: 'x > 1', next: end}]}\n", ('warning', 'a', 1, 'fails')),
    ('connector_params unknown', '- a: {call: googleapis.a.v1.b, args: {connector_params: {tmeout: 3}}}\n', ('warning', 'a', 1, 'fails')),
    ('concurrency_limit 0', '- a: {parallel: {concurrency_limit: 0, for: {value: v, in: [1], steps: [{s: {next: continue}}]}}}\n', ('warning', 'a', 1, 'fails')),
    ('in literal not list', '- a: {for: {value: v, in: 5, steps: [{s: {next: continue}}]}}\n', ('warning', 'a', 1, 'fails')),
    ('range literal 3', '- a: {for: {value: v, range: [1,2,3], steps: [{s: {next: continue}}]}}\n', ('warning', 'a', 1, 'fails')),
    ('max_retries string', "- a:\n    try: {raise: x}\n    retry: {predicate: '${retry.always}', max_retries: many}\n", ('warning', 'a', 3, 'fails')),
    ('predicate is string', '- a:\n    try: {raise: x}\n    retry: {predicate: retry.always, max_retries: 3}\n', ('warning', 'a', 3, 'fails')),
    ('predicate is http.default_retry', "- a:\n    try: {raise: x}\n    retry: {predicate: '${http.default_retry}', max_retries: 3}\n", ('warning', 'a', 3, 'fails')),
    ('retry is predicate', "- a:\n    try: {raise: x}\n    retry: '${http.default_retry_predicate}'\n", ('warning', 'a', 3, 'fails')),
    ('log both', '- a: {call: sys.log, args: {text: a, data: b}}\n', ('warning', 'a', 1, 'fails')),
    ('http method bad', "- a: {call: http.request, args: {method: FETCH, url: 'http://x'}}\n", ('warning', 'a', 1, 'fails')),
    ('raise number', '- a: {raise: 5}\n', ('warning', 'a', 1, 'fails')),
    ('loop var nested', '- l: {for: {value: v, in: [1], steps: [{m: {for: {value: v, in: [2], steps: [{s: {next: continue}}]}}}]}}\n', ('error', 'm', 1, 'loop_variable')),
]

RIGHT: list[tuple[str, str]] = [
    ('var named text', '- a: {assign: [{text: {split: [1]}}, {http: 3}, {sys: {now: 4}}]}\n- r: {return: [\'${text.split[0]}\', \'${http}\', \'${sys.now}\', \'${text.to_upper("a")}\']}\n'),
    ('var named len', '- a: {assign: [{len: 3}, {keys: 4}]}\n- r: {return: \'${len + keys + len("abc")}\'}\n'),
    ('jump nested out', '- o: {steps: [{i: {next: z}}]}\n- y: {return: 1}\n- z: {next: y}\n'),
    ('jump nested in', "- a: {next: j}\n- o: {steps: [{i: {assign: [{x: 1}]}}, {j: {switch: [{condition: '${1 > 2}', next: i}]}}, {k: {assign: [{x: 2}]}}]}\n"),
    ('jump within loop nested', '- l: {for: {value: v, in: [1], steps: [{o: {steps: [{i: {next: k}}]}}, {j: {next: continue}}, {k: {next: j}}]}}\n'),
    ('defined in one branch of switch', "- s:\n    switch:\n      - condition: '${1 > 0}'\n        assign: [{x: 1}]\n- r: {return: '${x}'}\n"),
    ('defined in switch steps', "- s:\n    switch:\n      - condition: '${1 > 0}'\n        steps: [{q: {assign: [{x: 1}]}}]\n- r: {return: '${x}'}\n"),
    ('defined in try', "- t:\n    try: {call: sys.now, result: x}\n    except: {as: e, steps: [{h: {assign: [{y: 1}]}}]}\n- r: {return: '${x}'}\n"),
    ('defined after jump back', "- a: {switch: [{condition: '${1 > 2}', return: '${later}'}]}\n- b: {assign: [{later: 1}], next: a}\n"),
    ('params default used', "main:\n  steps:\n    - a: {call: s, result: q}\n    - r: {return: '${q}'}\ns:\n  params: [x: 1, y: '${x + 1}']\n  steps:\n    - r: {return: '${y}'}\n"),
    ('except as', "- t:\n    try: {raise: x}\n    except: {as: e, steps: [{h: {return: '${e}'}}]}\n"),
    ('same except name twice', "- t:\n    try: {raise: x}\n    except: {as: e, steps: [{h: {assign: [{q: '${e}'}]}}]}\n- u:\n    try: {raise: x}\n    except: {as: e, steps: [{i: {assign: [{q: '${e}'}]}}]}\n"),
    ('nested except same name', "- t:\n    try: {raise: x}\n    except: {as: e, steps: [{h: {try: {raise: '${e}'}, except: {as: e, steps: [{i: {raise: '${e}'}}]}}}]}\n"),
    ('same loop var siblings', "- l: {for: {value: v, in: [1], steps: [{s: {assign: [{x: '${v}'}]}}]}}\n- m: {for: {value: v, index: i, in: [2], steps: [{t: {assign: [{x: '${v + i}'}]}}]}}\n"),
    ('shared nested', '- i: {assign: [{x: 1}]}\n- p: {parallel: {shared: [x], branches: [{b: {steps: [{q: {parallel: {shared: [x], branches: [{c: {steps: [{s: {assign: [{x: 2}]}}]}}]}}}]}}]}}\n'),
    ('shared local to branch nested', "- p: {parallel: {branches: [{b: {steps: [{i: {assign: [{y: 0}]}}, {q: {parallel: {shared: [y], for: {value: v, in: [1], steps: [{s: {assign: [{y: '${y + v}'}]}}]}}}}, {r: {call: sys.log, args: {data: '${y}'}}}]}}]}}\n"),
    ('same local name in branches', '- p: {parallel: {branches: [{b: {steps: [{s: {assign: [{x: 1}]}}]}}, {c: {steps: [{t: {assign: [{x: 2}]}}]}}]}}\n'),
    ('assigned after parallel', "- p: {parallel: {branches: [{b: {steps: [{s: {assign: [{x: 1}]}}]}}]}}\n- a: {assign: [{x: 2}]}\n- r: {return: '${x}'}\n"),
    ('loop local then outer later', "- l: {for: {value: v, in: [1], steps: [{s: {assign: [{x: '${v}'}]}}]}}\n- a: {assign: [{x: 2}]}\n- r: {return: '${x}'}\n"),
    ('step names weird', "- 'my step-1':\n    next: 'z z'\n- 'z z': {return: 1}\n"),
    ('step named like routine', "main:\n  steps:\n    - sub: {call: sub, result: sub}\n    - r: {return: '${sub}'}\nsub:\n  steps:\n    - main: {return: 1}\n"),
    ('continue in switch in loop', '- l: {for: {value: v, in: [1], steps: [{s: {switch: [{condition: true, next: continue}]}}]}}\n'),
    ('break in try in loop', '- l: {for: {value: v, in: [1], steps: [{t: {try: {steps: [{b: {next: break}}]}, except: {as: e, steps: [{c: {next: continue}}]}}}]}}\n'),
    ('predicate sub', "main:\n  steps:\n    - a:\n        try: {raise: x}\n        retry: {predicate: '${p}', max_retries: 1, backoff: '${retry.default_backoff}'}\np:\n  params: [e]\n  steps:\n    - r: {return: false}\n"),
    ('retry in variable', "- i: {assign: [{pol: '${http.default_retry}'}]}\n- a:\n    try: {raise: x}\n    retry: '${pol}'\n"),
    ('switch fallthrough reachable', "- s:\n    switch:\n      - condition: '${1 > 0}'\n        return: 1\n- b: {return: 2}\n"),
    ('jump to unreachable makes reachable', "- a: {switch: [{condition: '${1 > 0}', next: c}]}\n- b: {return: 1}\n- c: {return: 2}\n"),
    ('except reachable after try return', '- t:\n    try: {return: 1}\n    except: {as: e, steps: [{h: {assign: [{x: 1}]}}]}\n- b: {return: 2}\n'),
    ('infinite loop via jump', '- a: {call: sys.sleep, args: [1], next: a}\n'),
    ('args null', "- a: {call: sys.now, args: null, result: x}\n- r: {return: '${x}'}\n"),
    ('empty handler', '- t:\n    try: {raise: x}\n    except: {as: e}\n- b: {return: 2}\n'),
    ('try list', "- t:\n    try:\n      - a: {assign: [{x: 1}]}\n      - b: {raise: '${string(x)}'}\n    except: {as: e, steps: [{h: {return: '${e}'}}]}\n"),
    ('string with dollar', "- a: {return: 'costs $5 {x}'}\n"),
    ('result part', "- a: {assign: [{m: {}}]}\n- b: {call: sys.now, result: m.t}\n- r: {return: '${m}'}\n"),
    ('parallel for break nested serial', '- p: {parallel: {for: {value: v, in: [1], steps: [{l: {for: {value: w, in: [1], steps: [{b: {next: break}}]}}}]}}}\n'),
    ('nested loops distinct', '- l: {for: {value: v, in: [1], steps: [{m: {for: {value: w, index: i, in: [2], steps: [{s: {next: continue}}]}}}]}}\n'),
    ('recursion with base', "main:\n  params: [n]\n  steps:\n    - a: {switch: [{condition: '${n == 0}', return: 0}]}\n    - b: {call: main, args: ['${n - 1}'], result: r}\n    - c: {return: '${r}'}\n"),
]
# fmt: on


@pytest.mark.parametrize(("text", "first"), [(text, first) for _, text, first in WRONG], ids=[name for name, _, _ in WRONG])
def test_what_is_wrong_is_found_with_its_step_and_line(text: str, first: tuple[str, str, int, str]) -> None:
    problem = check(text, name="flow.yaml")[0]
    assert (problem.severity, problem.step, problem.line, problem.code) == first
    assert problem.text("flow.yaml").startswith(f"flow.yaml:{problem.line}:{problem.column}: ")


@pytest.mark.parametrize("text", [text for _, text in RIGHT], ids=[name for name, _ in RIGHT])
def test_nothing_is_said_of_what_is_right(text: str) -> None:
    assert check(text, name="flow.yaml") == []


def test_a_subworkflow_counts_as_used_wherever_it_is_named() -> None:
    """In a condition's own call, a loop's list, a default, a target, a key and a predicate."""
    text = """
main:
  params: [a]
  steps:
    - s: {switch: [{condition: true, call: one}]}
    - l: {for: {value: v, in: "${two()}", steps: [{c: {call: three}}]}}
    - t: {assign: [{m: {}}, {"m[four()]": 1}, {n: {"${five()}": 1}}]}
    - p: {parallel: {concurrency_limit: "${six()}", for: {value: w, in: "${seven()}", steps: [{d: {call: three}}]}}}
    - q: {try: {raise: x}, retry: {predicate: "${eight}", max_retries: 1}}
"""
    others = "".join(f"{name}:\n  steps: [{{r: {{return: 1}}}}]\n" for name in ("one", "two", "four", "five", "six", "seven", "nine"))
    text += (
        others + "three:\n  params: [x: '${nine()}']\n  steps: [{r: {return: 1}}]\neight:\n  params: [e]\n  steps: [{r: {return: true}}]\n"
    )
    assert check(text, name="flow.yaml") == []
    (unused,) = check(text + "ten:\n  steps: [{r: {return: 1}}]\n", name="flow.yaml")
    assert (unused.code, unused.routine) == ("unused_subworkflow", "ten")


def test_only_the_first_step_of_an_unreachable_stretch_is_named() -> None:
    text = "- a: {return: 1}\n- b: {steps: [{c: {assign: [{x: 1}]}}, {d: {next: e}}]}\n- e: {return: 2}\n"
    assert [(problem.code, problem.step) for problem in check(text, name="flow.yaml")] == [("unreachable", "b")]


def test_each_return_in_a_parallel_step_is_named_once() -> None:
    inner = "{steps: [{q: {parallel: {branches: [{c: {steps: [{s: {switch: [{condition: '${1 > 0}', return: 1}]}}]}}]}}}]}"
    found = check(f"- p: {{parallel: {{branches: [{{b: {inner}}}]}}}}\n", name="flow.yaml")
    assert [(problem.code, problem.step) for problem in found] == [("return_in_parallel", "s")]


@pytest.mark.parametrize(
    "text",
    [
        "- a:\n    assign:\n" + "".join(f"      - v{n}: 1\n" for n in range(SERVICE.assignments_per_step + 1)),
        "- a:\n    switch:\n" + "      - {condition: true, next: end}\n" * (SERVICE.conditions_per_switch + 1),
        "- a: {return: '${" + "1 + " * SERVICE.expression_characters + "1}'}\n",
        "- a: {return: 1}\n" + "#" * SERVICE.source_bytes,
    ],
    ids=["assignments", "conditions", "expression", "source"],
)
def test_limits(text: str) -> None:
    """Page: quotas, "Resource limits"."""
    assert any("limit is" in problem.message for problem in check(text, name="flow.yaml"))
