"""Parallel steps. Page: syntax/parallel-steps; quotas."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.workflows import SERVICE, DefinitionError, FastClock, Runner, load

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench

COUNTING = """
- init: {assign: [{total: 0}, {log: []}]}
- p:
    parallel:
      shared: [total, log]
      for:
        value: v
        range: [1, 30]
        steps:
          - wait: {call: sys.sleep, args: ["${v % 3}"]}
          - add: {assign: [{total: "${total + v}"}, {log: "${list.concat(log, v)}"}]}
- done: {return: "${[total, len(log)]}"}
"""


def test_branches_run_at_the_same_time(bench: Bench) -> None:
    definition = """
    - p:
        parallel:
          branches:
            - one: {steps: [{s1: {call: sys.sleep, args: [30]}}]}
            - two: {steps: [{s2: {call: sys.sleep, args: [50]}}]}
    - done: {return: true}
    """
    start = bench.clock.now()
    assert bench.result(definition) is True
    assert bench.clock.now() - start == 50


@settings(max_examples=30, deadline=None)
@given(seed=st.integers())
def test_shared_counters_are_exact_under_any_interleaving(seed: int) -> None:
    """ "Shared variables": a single assignment is atomic."""
    with Runner(clock=FastClock(), order=random.Random(seed)) as runner:
        assert runner.start(load(COUNTING), execution_id="x").wait(20).result == [465, 30]


BODIES = st.lists(st.sampled_from(["add", "part", "sleep", "call", "loop", "caught"]), min_size=1, max_size=4)
COUNT = """
count:
  params: [n]
  steps:
    - pause: {call: sys.sleep, args: ["${n % 2}"]}
    - r: {return: 1}
"""


def _body(kinds: list[str], prefix: str) -> tuple[str, int]:
    """Steps that add to ``n`` or to ``m.k``, and how much they add together."""
    steps, added = [], 0
    for number, kind in enumerate(kinds):
        name = f"{prefix}_{number}"
        handler = f"{{as: e_{name}, steps: [{{{name}b: {{assign: [{{n: '${{n + 1}}'}}]}}}}]}}"
        caught = f"{{try: {{assign: [{{n: '${{n + 1 / 0}}'}}]}}, except: {handler}}}"
        step, amount = {
            "add": (f"{name}: {{assign: [{{n: '${{n + 1}}'}}]}}", 1),
            "part": (f"{name}: {{assign: [{{m.k: '${{m.k + 1}}'}}]}}", 1),
            "sleep": (f"{name}: {{call: sys.sleep, args: [{number}]}}", 0),
            "call": (
                f"{name}: {{call: count, args: [{number}], result: got_{name}}}}}, {{{name}b: {{assign: [{{n: '${{n + got_{name}}}'}}]}}",
                1,
            ),
            "loop": (f"{name}: {{for: {{value: i_{name}, range: [1, 3], steps: [{{{name}b: {{assign: [{{n: '${{n + 1}}'}}]}}}}]}}}}", 3),
            "caught": (f"{name}: {caught}", 1),
        }[kind]
        steps.append("{" + step + "}")
        added += amount
    return "[" + ", ".join(steps) + "]", added


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(), branches=st.lists(BODIES, min_size=2, max_size=4), inner=BODIES, times=st.integers(1, 5), limit=st.integers(1, 4)
)
def test_counters_of_any_parallel_workflow_are_exact_under_any_interleaving(
    seed: int, branches: list[list[str]], inner: list[str], times: int, limit: int
) -> None:
    """Branches and, in each, a parallel loop, all adding to one number and to a part of one map."""
    texts, total = [], 0
    for number, kinds in enumerate(branches):
        body, added = _body(kinds, f"s{number}")
        nested, each = _body(inner, f"t{number}")
        head = f"shared: [n, m], concurrency_limit: {limit}"
        loop = f"{{q{number}: {{parallel: {{{head}, for: {{value: v, range: [1, {times}], steps: {nested}}}}}}}}}"
        texts.append(f"{{b{number}: {{steps: [{body[1:-1]}, {loop}]}}}}")
        total += added + each * times
    steps = f"""
    - init: {{assign: [{{n: 0}}, {{m: {{k: 0}}}}]}}
    - p: {{parallel: {{shared: [n, m], branches: [{", ".join(texts)}]}}}}
    - done: {{return: "${{n + m.k}}"}}
"""
    with Runner(clock=FastClock(), order=random.Random(seed)) as runner:
        outcome = runner.start(load(f"main:\n  steps:{steps}{COUNT}"), execution_id="x").wait(20)
    assert outcome.result == total, outcome.error


def test_a_branch_reads_what_is_outside_and_keeps_its_own_to_itself(bench: Bench) -> None:
    definition = """
    - init: {assign: [{input: [1, 2]}, {r: {}}]}
    - p:
        parallel:
          shared: [r]
          branches:
            - a:
                steps:
                  - a1: {assign: [{temp: "${input[0]}"}, {r.a: "${temp}"}]}
            - b:
                steps:
                  - b1: {assign: [{temp: "${input[1]}"}, {r.b: "${temp}"}]}
    - done: {return: "${r}"}
    """
    assert bench.result(definition) == {"a": 1, "b": 2}


@pytest.mark.parametrize("step", ["{assign: [{input: 5}]}", "{assign: [{'input[0]': 5}]}", "{call: sys.now, result: input}"])
def test_writing_an_unshared_variable_is_refused(step: str) -> None:
    definition = f"- init: {{assign: [{{input: [1]}}]}}\n- p:\n    parallel:\n      branches:\n        - a: {{steps: [{{s: {step}}}]}}\n"
    with pytest.raises(DefinitionError, match="not in its 'shared'"):
        load(definition)


def test_a_shared_variable_has_to_exist() -> None:
    with pytest.raises(DefinitionError, match="shared variable 'x'"):
        load("- p:\n    parallel:\n      shared: [x]\n      branches:\n        - a: {steps: [{s: {assign: [{x: 1}]}}]}\n")


@pytest.mark.parametrize(("limit", "duration"), [("1", 60), ("2", 30), ('"${1 + 2}"', 20), ("20", 10)])
def test_the_concurrency_limit_queues_iterations(bench: Bench, limit: str, duration: int) -> None:
    """ "Concurrency limits": a literal or an expression."""
    definition = f"""
    - p:
        parallel:
          concurrency_limit: {limit}
          for: {{value: v, range: [1, 6], steps: [{{s: {{call: sys.sleep, args: [10]}}}}]}}
    """
    start = bench.clock.now()
    bench.result(definition)
    assert bench.clock.now() - start == duration


@pytest.mark.parametrize("limit", ["0", "-1", "2.0", "'2'", "'${1 - 1}'"])
def test_the_concurrency_limit_is_a_positive_integer(bench: Bench, limit: str) -> None:
    tags = bench.tags(
        f"- p: {{parallel: {{concurrency_limit: {limit}, for: {{value: v, in: [1], steps: [{{s: {{next: continue}}}}]}}}}}}\n"
    )
    assert tags[0] in ("ValueError", "TypeError")


def test_the_concurrency_limit_is_for_its_own_step_and_not_for_those_inside(bench: Bench) -> None:
    """ "This applies to a single parallel step only and does not cascade"."""
    inner = "{parallel: {for: {value: w, range: [1, 3], steps: [{s: {call: sys.sleep, args: [10]}}]}}}"
    start = bench.clock.now()
    bench.result(f"- p: {{parallel: {{concurrency_limit: 1, for: {{value: v, range: [1, 2], steps: [{{q: {inner}}}]}}}}}}\n")
    assert bench.clock.now() - start == 20


def test_the_limits_of_two_parallel_steps_in_each_other_hold_both(bench: Bench) -> None:
    inner = "{parallel: {concurrency_limit: 1, for: {value: w, range: [1, 3], steps: [{s: {call: sys.sleep, args: [10]}}]}}}"
    start = bench.clock.now()
    bench.result(f"- p: {{parallel: {{concurrency_limit: 2, for: {{value: v, range: [1, 4], steps: [{{q: {inner}}}]}}}}}}\n")
    assert bench.clock.now() - start == 60


def test_an_end_of_a_branch_ends_that_branch_only(bench: Bench) -> None:
    """No page says what ``return`` and ``next: end`` mean in a branch."""
    definition = """
    - init: {assign: [{n: 0}]}
    - p:
        parallel:
          shared: [n]
          branches:
            - a: {steps: [{a1: {next: end}}, {a2: {assign: [{n: 1}]}}]}
            - b: {steps: [{b1: {return: 5}}, {b2: {assign: [{n: 2}]}}]}
            - c: {steps: [{c1: {assign: [{n: "${n + 10}"}]}}]}
    - done: {return: "${n}"}
    """
    assert bench.result(definition) == 10


def test_an_error_that_a_branch_handles_is_none_of_the_steps(bench: Bench) -> None:
    definition = """
    - init: {assign: [{seen: ""}]}
    - p:
        parallel:
          shared: [seen]
          for:
            value: v
            in: [1]
            steps:
              - t:
                  try: {raise: mine}
                  except: {as: e, steps: [{h: {assign: [{seen: "${e}"}]}}]}
    - done: {return: "${seen}"}
    """
    assert bench.result(definition) == "mine"


def test_at_most_20_branches_and_iterations_run_at_once(bench: Bench) -> None:
    """Page: quotas, "Concurrent branches and iterations"."""
    start = bench.clock.now()
    bench.result("- p:\n    parallel:\n      for: {value: v, range: [1, 41], steps: [{s: {call: sys.sleep, args: [10]}}]}\n")
    assert bench.clock.now() - start == 30


def test_nested_parallel_steps_do_not_starve_each_other(bench: Bench) -> None:
    definition = """
    - init: {assign: [{n: 0}]}
    - p:
        parallel:
          shared: [n]
          for:
            value: v
            range: [1, 25]
            steps:
              - q:
                  parallel:
                    shared: [n]
                    for: {value: w, range: [1, 3], steps: [{s: {call: sys.sleep, args: [1]}}, {t: {assign: [{n: "${n + 1}"}]}}]}
    - done: {return: "${n}"}
    """
    assert bench.result(definition) == 75


def test_what_is_begun_ends_before_more_of_its_kind_is_begun(bench: Bench) -> None:
    """So the memory for parallel steps in each other does not grow with the product of their iterations."""
    bench.limits = dataclasses.replace(SERVICE, steps=5_000)
    inner = "{for: {value: w, range: [1, 5000], steps: [{b: {call: sys.sleep, args: [1]}}]}}"
    outer = f"{{for: {{value: v, range: [1, 5000], steps: [{{a: {{parallel: {inner}}}}}]}}}}"
    assert "ResourceLimitError" in bench.tags(f"- p: {{parallel: {outer}}}\n")
    assert len({event.branch for event in bench.events if event.step == "a"}) <= SERVICE.concurrent_branches


def test_parallel_steps_nest_two_deep_at_most(bench: Bench) -> None:
    inner = "{steps: [{s: {assign: [{x: 1}]}}]}"
    third = f"{{steps: [{{p3: {{parallel: {{branches: [{{c: {inner}}}]}}}}}}]}}"
    second = f"{{steps: [{{p2: {{parallel: {{branches: [{{b: {third}}}]}}}}}}]}}"
    payload = bench.error(f"- p1: {{parallel: {{branches: [{{a: {second}}}]}}}}\n").payload
    assert "ParallelNestingError" in str(payload)


def test_every_branch_runs_on_and_all_errors_come_as_one(bench: Bench) -> None:
    """ "Exceptions": continueAll is the only policy."""
    definition = """
    - init: {assign: [{done: []}]}
    - t:
        try:
          steps:
            - p:
                parallel:
                  shared: [done]
                  exception_policy: continueAll
                  branches:
                    - bad: {steps: [{a: {raise: {code: 7, message: first}}}]}
                    - slow: {steps: [{b1: {call: sys.sleep, args: [60]}}, {b2: {assign: [{done: "${list.concat(done, 1)}"}]}}]}
                    - worse: {steps: [{c1: {call: sys.sleep, args: [5]}}, {c2: {raise: second}}]}
        except:
          as: e
          steps:
            - r: {return: "${[e, done]}"}
    """
    result = bench.result(definition)
    assert isinstance(result, list)
    error, done = result
    assert done == [1]
    assert isinstance(error, dict)
    assert error["tags"] == ["UnhandledBranchError", "RuntimeError"]
    assert error["truncated"] is False
    branches = error["branches"]
    assert isinstance(branches, list)
    assert [(b["id"], b["error"]["payload"]) for b in branches if isinstance(b, dict) and isinstance(b["error"], dict)] == [
        ("bad", {"code": 7, "message": "first"}),
        ("worse", "second"),
    ]
    assert "in step" in str(branches)


def test_an_error_inside_a_shared_assignment_blocks_nobody(bench: Bench) -> None:
    definition = """
    - init: {assign: [{n: 0}]}
    - t:
        try:
          steps:
            - p:
                parallel:
                  shared: [n]
                  for: {value: v, range: [0, 9], steps: [{s: {assign: [{n: "${n + 10 // v * 0 + 1}"}]}}]}
        except: {as: e, steps: [{r: {return: "${[n, len(e.branches)]}"}}]}
    """
    assert bench.result(definition) == [9, 1]


def test_no_more_than_100_errors_are_listed(bench: Bench) -> None:
    """Page: quotas, "Unhandled exceptions"."""
    payload = bench.error("- p:\n    parallel:\n      for: {value: v, range: [1, 150], steps: [{s: {raise: '${string(v)}'}}]}\n").payload
    assert isinstance(payload, dict)
    branches = payload["branches"]
    assert isinstance(branches, list)
    assert (len(branches), payload["truncated"]) == (100, True)


def test_more_iterations_than_steps_are_allowed_fail_at_once(bench: Bench) -> None:
    """Page: quotas, "Steps"."""
    assert "ResourceLimitError" in bench.tags(
        "- p:\n    parallel:\n      for: {value: v, range: [1, 9000000000], steps: [{s: {next: continue}}]}\n"
    )


def test_continue_ends_an_iteration(bench: Bench) -> None:
    definition = """
    - init: {assign: [{n: 0}]}
    - p:
        parallel:
          shared: [n]
          for:
            value: v
            index: i
            in: [1, 2, 3, 4]
            steps:
              - skip: {switch: [{condition: "${v % 2 == 0}", next: continue}]}
              - add: {assign: [{n: "${n + v * 10 + i}"}]}
    - done: {return: "${n}"}
    """
    assert bench.result(definition) == 42


def test_only_continue_all_is_a_policy() -> None:
    with pytest.raises(DefinitionError, match="continueAll"):
        load("- p:\n    parallel: {exception_policy: stop, branches: [{a: {steps: [{s: {return: 1}}]}}]}\n")
