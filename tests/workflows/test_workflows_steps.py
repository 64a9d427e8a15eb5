"""Steps and their order.

Pages: syntax/variables, syntax/conditions, syntax/jumps, syntax/completing, syntax/steps, syntax/subworkflows, syntax/calls.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from infra.local.workflows import DefinitionError, load
from infra.local.workflows.values import Json

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench


class TestVariables:
    """Page: syntax/variables, syntax/lists, syntax/maps."""

    def test_assignments_run_in_order_and_see_the_ones_before(self, bench: Bench) -> None:
        assert bench.result("- a: {assign: [{x: 1}, {y: '${x + 1}'}, {x: '${y * 10}'}]}\n- r: {return: '${[x, y]}'}\n") == [20, 2]

    def test_parts_of_lists_and_maps_can_be_assigned(self, bench: Bench) -> None:
        definition = """
        - make:
            assign:
              - l: [1, [2, 3]]
              - m: {a: {b: 1}}
              - i: 1
              - key: d
              - l[0]: zero
              - l[i][i - 1]: two
              - m.a.c: 2
              - m["x y"]: 3
              - m[key + "1"]: 4
        - done:
            return: ${[l, m]}
        """
        assert bench.result(definition) == [["zero", ["two", 3]], {"a": {"b": 1, "c": 2}, "x y": 3, "d1": 4}]

    def test_an_assignment_copies(self, bench: Bench) -> None:
        """ "Passing by value": a variable assigned from another does not change with it."""
        definition = """
        - make:
            assign:
              - a: {list: [1, 2]}
              - b: ${a}
              - a.list[0]: 9
              - c: ${b.list}
              - b.list[1]: 8
        - done:
            return: ${[a, b, c]}
        """
        assert bench.result(definition) == [{"list": [9, 2]}, {"list": [1, 8]}, [1, 2]]

    @pytest.mark.parametrize(
        ("target", "tag"),
        [("l[5]", "IndexError"), ("l.x", "TypeError"), ("m[0]", "TypeError"), ("m.a.b", "KeyError"), ("s.x", "TypeError")],
    )
    def test_a_part_that_does_not_exist_cannot_be_assigned(self, bench: Bench, target: str, tag: str) -> None:
        definition = f"""
        - make:
            assign:
              - l: [1]
              - m: {{}}
              - s: text
              - {target}: 1
        """
        assert tag in bench.tags(definition)

    def test_expressions_inside_written_maps_and_lists_are_computed(self, bench: Bench) -> None:
        definition = """
        - make:
            assign:
              - x: 2
              - m:
                  plain: [1, "${x}", {deep: "${x * x}"}]
        - done:
            return: ${m}
        """
        assert bench.result(definition) == {"plain": [1, 2, {"deep": 4}]}

    def test_a_key_may_be_an_expression(self, bench: Bench) -> None:
        """Page: syntax/maps, "Map definition"."""
        definition = """
        main:
          params: [a]
          steps:
            - make:
                assign:
                  - m: {"${a}": 1, '${a + "Two"}': ["${a}"], plain: {"${string(3)}": null}}
            - call: {call: pair, args: {"${a}": left, other: right}, result: r}
            - done: {return: ["${m}", "${r}"]}
        pair:
          params: [key, other]
          steps:
            - r: {return: "${key + other}"}
        """
        assert bench.result(definition, "key") == [{"key": 1, "keyTwo": ["key"], "plain": {"3": None}}, "leftright"]
        assert "TypeError" in bench.tags("main:\n  params: [a]\n  steps: [{r: {return: {'${a}': 1}}}]\n", 5)

    def test_only_a_part_of_a_variable_that_exists_can_be_assigned(self) -> None:
        with pytest.raises(DefinitionError, match="'m', which is no variable"):
            load("- a: {assign: [{m.x: 1}]}\n")

    def test_a_variable_of_a_loop_is_gone_after_it(self) -> None:
        definition = "- l:\n    for: {value: v, in: [1], steps: [{s: {assign: [{inner: 1}]}}]}\n- r:\n    return: ${inner}\n"
        with pytest.raises(DefinitionError, match="symbol 'inner'"):
            load(definition)

    def test_a_variable_of_a_handler_is_gone_after_it(self) -> None:
        definition = "- t:\n    try: {raise: x}\n    except: {as: e, steps: [{s: {assign: [{inner: 1}]}}]}\n- r:\n    return: ${inner}\n"
        with pytest.raises(DefinitionError, match="symbol 'inner'"):
            load(definition)

    def test_a_variable_not_yet_assigned_is_an_error_when_it_is_read(self, bench: Bench) -> None:
        definition = "- go: {next: use}\n- set: {assign: [{x: 1}]}\n- use: {return: '${x}'}\n"
        assert "KeyError" in bench.tags(definition)


class TestConditionsAndJumps:
    """Pages: syntax/conditions, syntax/jumps, syntax/completing."""

    DEFINITION = """
    main:
      params: [a]
      steps:
        - choose:
            switch:
              - condition: ${a < 10}
                next: small
              - condition: ${a < 100}
                steps:
                  - one:
                      assign: [{r: medium}]
                  - two:
                      assign: [{r: "${r + string(a)}"}]
                next: finish
              - condition: ${a == 100}
                return: hundred
              - condition: ${a == 101}
                raise: too much
            next: large
        - small:
            assign: [{r: small}]
            next: finish
        - large:
            assign: [{r: large}]
        - finish:
            return: ${r}
    """

    @pytest.mark.parametrize(("argument", "result"), [(1, "small"), (50, "medium50"), (100, "hundred"), (500, "large")])
    def test_the_first_condition_that_holds_decides(self, bench: Bench, argument: int, result: str) -> None:
        assert bench.result(self.DEFINITION, argument) == result

    def test_a_condition_may_raise(self, bench: Bench) -> None:
        assert bench.error(self.DEFINITION, 101).payload == "too much"

    def test_a_condition_has_to_be_boolean(self, bench: Bench) -> None:
        assert "TypeError" in bench.tags("- s:\n    switch:\n      - condition: 1\n        next: end\n")

    def test_conditions_after_the_one_that_holds_are_not_computed(self, bench: Bench) -> None:
        assert (
            bench.result(
                "- s:\n    switch:\n      - condition: true\n        return: 1\n      - condition: ${1 / 0 > 1}\n        return: 2\n"
            )
            == 1
        )

    @pytest.mark.parametrize(("default", "result"), [("", "next"), ("      - {condition: true, return: default}\n", "default")])
    def test_without_a_match_the_default_counts_or_the_step_that_follows(self, bench: Bench, default: str, result: str) -> None:
        """Page: syntax/conditions: ``condition: true`` is the optional default."""
        assert (
            bench.result(f"- s:\n    switch:\n      - {{condition: '${{1 > 2}}', return: no}}\n{default}- n: {{return: next}}\n") == result
        )

    def test_a_jump_backwards_makes_a_loop(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{n: 0}]}
        - again:
            assign: [{n: "${n + 1}"}]
        - check:
            switch:
              - condition: ${n < 5}
                next: again
        - done: {return: "${n}"}
        """
        assert bench.result(definition) == 5

    def test_end_ends_without_a_value(self, bench: Bench) -> None:
        assert bench.result("- a: {assign: [{x: 1}], next: end}\n- b: {return: 2}\n") is None

    def test_end_ends_a_subworkflow_with_null_and_its_caller_goes_on(self, bench: Bench) -> None:
        """Page: syntax/completing, "Use end"."""
        definition = """
        main:
          steps:
            - c: {call: sub, result: r}
            - d: {return: ["${r}", after]}
        sub:
          steps:
            - a: {assign: [{x: 1}], next: end}
            - b: {return: "${x}"}
        """
        assert bench.result(definition) == [None, "after"]

    def test_end_ends_the_workflow_from_inside_a_loop(self, bench: Bench) -> None:
        definition = "- l: {for: {value: v, in: [1, 2], steps: [{s: {next: end}}]}}\n- r: {return: after}\n"
        assert bench.result(definition) is None

    def test_a_workflow_without_return_gives_null(self, bench: Bench) -> None:
        assert bench.result("- a: {assign: [{x: 1}]}\n") is None

    def test_nested_steps_share_the_scope_and_can_be_jumped_out_of_and_into(self, bench: Bench) -> None:
        """Page: syntax/steps, "Nested steps"."""
        definition = """
        - init:
            assign: [{log: []}]
            next: inner2
        - outer:
            steps:
              - inner1:
                  assign: [{log: "${list.concat(log, 1)}"}]
              - inner2:
                  assign: [{log: "${list.concat(log, 2)}"}]
              - inner3:
                  switch:
                    - condition: ${len(log) < 3}
                      next: inner1
                  next: done
        - skipped: {assign: [{log: []}]}
        - done: {return: "${log}"}
        """
        assert bench.result(definition) == [2, 1, 2]

    @pytest.mark.parametrize(
        ("definition", "message"),
        [
            ("- a: {next: nowhere}\n", "does not exist"),
            ("- a: {next: break}\n", "not inside a for loop"),
            ("- a: {next: inner}\n- l:\n    for: {value: v, in: [], steps: [{inner: {next: continue}}]}\n", "does not exist"),
            ("- l:\n    for: {value: v, in: [], steps: [{inner: {next: out}}]}\n- out: {return: 1}\n", "does not exist"),
            ("- a: {assign: [{x: 1}]}\n- a: {return: 1}\n", "used twice"),
            ("- l:\n    parallel:\n      for: {value: v, in: [], steps: [{inner: {next: break}}]}\n", "cannot end the iterations"),
        ],
    )
    def test_a_jump_to_nowhere_is_refused(self, definition: str, message: str) -> None:
        with pytest.raises(DefinitionError, match=message):
            load(definition)


class TestSubworkflowsAndCalls:
    """Pages: syntax/subworkflows, syntax/calls, syntax/runtime-arguments."""

    SUB = """
    greet:
      params: [first, last: "Unknown", n: "${len(first)}"]
      steps:
        - r: {return: "${first + ' ' + last + string(n)}"}
    """

    def test_the_default_of_a_parameter_is_for_an_argument_that_is_left_out_and_not_for_null(self, bench: Bench) -> None:
        """Page: syntax/subworkflows, "Default parameters in subworkflows"."""
        definition = """
        main:
          steps:
            - c: {call: sub, args: {a: null}, result: r}
            - d: {return: ["${r}", "${sub(null)}", "${sub()}"]}
        sub:
          params: [a: 5]
          steps:
            - r: {return: "${a}"}
        """
        assert bench.result(definition) == [None, None, 5]

    @pytest.mark.parametrize(
        ("args", "result"),
        [("{first: Ada, last: L}", "Ada L3"), ("{first: Ada}", "Ada Unknown3"), ('["Ada", "L", 1]', "Ada L1"), ("${a}", "Bob Unknown3")],
    )
    def test_arguments_by_name_by_position_and_as_an_expression(self, bench: Bench, args: str, result: str) -> None:
        steps = f"    - c:\n        call: greet\n        args: {args}\n        result: r\n    - d:\n        return: ${{r}}\n"
        definition = f"main:\n  params: [a]\n  steps:\n{steps}"
        assert bench.result(definition + textwrap.dedent(self.SUB), {"first": "Bob"}) == result

    @pytest.mark.parametrize("given", [["Ada", "L", 1, 2], {"first": "Ada", "middle": "B"}, {"last": "L"}, "Ada"])
    def test_arguments_from_an_expression_that_do_not_fit_fail_when_the_call_is_made(self, bench: Bench, given: Json) -> None:
        definition = "main:\n  params: [a]\n  steps:\n    - c: {call: greet, args: '${a}'}\n"
        assert "TypeError" in bench.tags(definition + textwrap.dedent(self.SUB), given)

    def test_a_subworkflow_can_be_called_in_an_expression(self, bench: Bench) -> None:
        definition = """
        main:
          steps:
            - r: {return: "${double_it(4) + double_it(1)}"}
        double_it:
          params: [x]
          steps:
            - r: {return: "${x * 2}"}
        """
        assert bench.result(definition) == 10

    def test_a_blocking_call_under_an_expression_is_an_error(self, bench: Bench) -> None:
        definition = """
        main:
          steps:
            - r: {return: "${slow()}"}
        slow:
          steps:
            - s: {call: sys.sleep, args: [1]}
        """
        assert "blocking" in bench.error(definition).context

    def test_variables_of_a_subworkflow_are_its_own(self, bench: Bench) -> None:
        definition = """
        main:
          steps:
            - a: {assign: [{x: 1}]}
            - b: {call: other}
            - c: {return: "${x}"}
        other:
          steps:
            - a: {assign: [{x: 2}]}
        """
        assert bench.result(definition) == 1

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            ("{call: nothing}", "no function or subworkflow"),
            ("{call: sub, args: {y: 1}}", "no parameter 'y'"),
            ("{call: sub}", "needs the argument 'x'"),
            ("{call: sub, args: [1, 2]}", "at most 1"),
            ("{call: http.get}", "needs the argument 'url'"),
            ("{call: http.get, args: {url: x, body: y}}", "no parameter 'body'"),
            ("{assign: [{y: '${sub()}'}]}", "needs the argument"),
            ("{assign: [{y: '${text.nope(1)}'}]}", "no function"),
        ],
    )
    def test_a_call_that_cannot_work_is_refused(self, call: str, message: str) -> None:
        with pytest.raises(DefinitionError, match=message):
            load(f"main:\n  steps:\n    - c: {call}\nsub:\n  params: [x]\n  steps:\n    - r: {{return: 1}}\n")

    def test_the_argument_of_the_execution_is_the_parameter_of_main(self, bench: Bench) -> None:
        definition = "main:\n  params: [input]\n  steps:\n    - r: {return: '${input}'}\n"
        assert bench.result(definition, {"a": [1]}) == {"a": [1]}
        assert bench.result(definition) is None

    def test_main_may_say_that_it_has_no_parameters_and_stand_after_a_subworkflow(self, bench: Bench) -> None:
        """Pages: syntax/subworkflows; the JSON Schema of workflows-samples (no parameter is allowed)."""
        steps = "[{c: {call: sub, result: r}}, {d: {return: '${r}'}}]"
        assert bench.result(f"sub: {{steps: [{{r: {{return: 1}}}}]}}\nmain: {{params: [], steps: {steps}}}\n", {"a": 1}) == 1

    def test_step_names_are_unique_in_a_subworkflow_only(self, bench: Bench) -> None:
        """Page: syntax/steps, "Step names"."""
        assert bench.result("main:\n  steps: [{init: {call: sub}}]\nsub:\n  steps: [{init: {assign: [{a: 0}]}}]\n") is None

    def test_a_json_definition_runs_too(self, bench: Bench) -> None:
        """Page: syntax/syntax-search, "File structure"."""
        assert bench.result('[{"a": {"assign": [{"x": 1}]}},\n {"b": {"return": "${x}"}}]') == 1
