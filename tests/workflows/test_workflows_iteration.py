"""``for`` loops. Page: syntax/iteration; troubleshooting ("Multiple expressions in a list")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.local.workflows import DefinitionError, load

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench


class TestIteration:
    """Page: syntax/iteration."""

    def test_over_a_list_with_its_index(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{r: []}]}
        - loop:
            for:
              value: v
              index: i
              in: ["a", "b"]
              steps:
                - add: {assign: [{r: "${list.concat(r, v + string(i))}"}]}
        - done: {return: "${r}"}
        """
        assert bench.result(definition) == ["a0", "b1"]

    @pytest.mark.parametrize(
        ("bounds", "result"),
        [
            ("[1, 3]", [1, 2, 3]),
            ("[-1, 1]", [-1, 0, 1]),
            ("[2, 2]", [2]),
            ("[3, 1]", []),
            ("[1.5, 3.5]", [1.5, 2.5, 3.5]),
            ("[-2, -1]", [-2, -1]),
            ("[0.3, 2.3]", [0.3, 1.3, 2.3]),
            ("${[1, 1 + 2]}", [1, 2, 3]),
            ("['${0 + 1}', '${len(\"ab\")}']", [1, 2]),
        ],
    )
    def test_over_a_range_both_ends_included(self, bench: Bench, bounds: str, result: list[float]) -> None:
        definition = f"""
        - init: {{assign: [{{r: []}}]}}
        - loop:
            for:
              value: v
              range: {bounds}
              steps: [{{add: {{assign: [{{r: "${{list.concat(r, v)}}"}}]}}}}]
        - done: {{return: "${{r}}"}}
        """
        assert bench.result(definition) == result

    def test_a_range_without_an_end_is_refused(self, bench: Bench) -> None:
        assert "ValueError" in bench.tags("- a: {for: {value: v, range: [1, '${1.0e308 * 10}'], steps: [{s: {next: continue}}]}}\n")

    def test_an_empty_list_is_no_iteration(self, bench: Bench) -> None:
        assert bench.result("- l: {for: {value: v, in: [], steps: [{s: {return: 1}}]}}\n- r: {return: after}\n") == "after"

    def test_over_the_list_as_it_was_when_the_loop_began(self, bench: Bench) -> None:
        """No page says it; a value is never changed by an assignment elsewhere (syntax/variables)."""
        definition = """
        - init: {assign: [{l: [1, 2, 3]}, {r: []}]}
        - loop:
            for:
              value: v
              in: ${l}
              steps:
                - change:
                    assign:
                      - l[2]: 9
                      - r: ${list.concat(r, v)}
        - done: {return: "${[r, l]}"}
        """
        assert bench.result(definition) == [[1, 2, 3], [1, 2, 9]]

    def test_an_assignment_to_the_loops_variable_lasts_until_the_iteration_ends(self, bench: Bench) -> None:
        """No page says it."""
        definition = """
        - init: {assign: [{r: []}]}
        - loop:
            for:
              value: v
              index: i
              in: [1, 2]
              steps:
                - change: {assign: [{v: "${v * 10}"}, {i: "${i + 5}"}]}
                - keep: {assign: [{r: "${list.concat(r, [v, i])}"}]}
        - done: {return: "${r}"}
        """
        assert bench.result(definition) == [[10, 5], [20, 6]]

    def test_over_the_keys_of_a_map(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{m: {a: 1, b: 2}}, {sum: 0}]}
        - loop:
            for:
              value: key
              in: ${keys(m)}
              steps:
                - add: {assign: [{sum: "${sum + m[key]}"}]}
        - done: {return: "${sum}"}
        """
        assert bench.result(definition) == 3

    def test_break_and_continue(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{r: []}]}
        - loop:
            for:
              value: v
              range: [1, 100]
              steps:
                - skip:
                    switch:
                      - condition: ${v % 2 == 0}
                        next: continue
                      - condition: ${v > 7}
                        next: break
                - add: {assign: [{r: "${list.concat(r, v)}"}]}
        - done: {return: "${r}"}
        """
        assert bench.result(definition) == [1, 3, 5, 7]

    def test_break_and_continue_are_those_of_the_innermost_loop(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{r: []}]}
        - outer:
            for:
              value: a
              in: [1, 2]
              steps:
                - inner:
                    for:
                      value: b
                      range: [1, 4]
                      steps:
                        - choose:
                            switch:
                              - {condition: "${b == 1}", next: continue}
                              - {condition: "${b == 3}", next: break}
                        - add: {assign: [{r: "${list.concat(r, [a, b])}"}]}
                - after: {assign: [{r: "${list.concat(r, a)}"}]}
        - done: {return: "${r}"}
        """
        assert bench.result(definition) == [[1, 2], 1, [2, 2], 2]

    def test_steps_of_one_loop_may_jump_to_each_other(self, bench: Bench) -> None:
        """ "Jump within a loop"."""
        definition = """
        - init: {assign: [{r: []}]}
        - loop:
            for:
              value: v
              in: [1, 2]
              steps:
                - first: {next: third}
                - second: {assign: [{r: "${list.concat(r, string(v))}"}], next: continue}
                - third: {assign: [{r: "${list.concat(r, v)}"}], next: second}
        - done: {return: "${r}"}
        """
        assert bench.result(definition) == [1, "1", 2, "2"]

    @pytest.mark.parametrize("loop", ["for: {0}", "parallel: {{for: {0}}}"])
    @pytest.mark.parametrize("name", ["break", "continue"])
    def test_a_step_of_a_loop_is_not_named_like_its_jump_targets(self, loop: str, name: str) -> None:
        """ "Use break/continue in a loop"."""
        body = f"{{value: v, in: [1], steps: [{{o: {{steps: [{{{name}: {{assign: [{{x: 1}}]}}}}]}}}}]}}"
        with pytest.raises(DefinitionError, match=f"cannot be named '{name}'"):
            load(f"- l: {{{loop.format(body)}}}\n")

    @pytest.mark.parametrize(
        "steps",
        [
            "- l: {for: {value: v, in: [1], steps: [{m: {for: {value: v, in: [2], steps: [{s: {next: continue}}]}}}]}}\n",
            "- l: {for: {value: v, index: v, in: [1], steps: [{s: {next: continue}}]}}\n",
            "- i: {assign: [{v: 0}]}\n- l: {for: {value: v, in: [1], steps: [{s: {next: continue}}]}}\n",
            "- l: {for: {value: w, index: v, in: [1], steps: [{s: {next: continue}}]}}\n- i: {assign: [{v: 0}]}\n",
            "- i: {assign: [{v: 0}]}\n- p: {parallel: {for: {value: v, in: [1], steps: [{s: {next: continue}}]}}}\n",
        ],
    )
    def test_the_variable_of_a_loop_is_used_nowhere_around_it(self, steps: str) -> None:
        """ "for loops for lists": loops inside each other, and assignments outside, need another name."""
        with pytest.raises(DefinitionError, match="'v'"):
            load(steps)

    def test_loops_after_each_other_may_share_a_name(self, bench: Bench) -> None:
        loop = "{{for: {{value: v, in: [1, 2], steps: [{{{0}: {{assign: [{{n: '${{n + v}}'}}]}}}}]}}}}"
        definition = f"- i: {{assign: [{{n: 0}}]}}\n- l: {loop.format('a')}\n- m: {loop.format('b')}\n- r: {{return: '${{n}}'}}\n"
        assert bench.result(definition) == 6

    def test_return_inside_nested_loops_leaves_the_workflow(self, bench: Bench) -> None:
        definition = """
        - outer:
            for:
              value: x
              range: [1, 9]
              steps:
                - inner:
                    for:
                      value: y
                      range: [1, 9]
                      steps:
                        - found:
                            switch:
                              - condition: ${x * y == 42}
                                return: ${[x, y]}
        """
        assert bench.result(definition) == [6, 7]

    def test_a_variable_first_assigned_in_the_loop_is_new_in_each_iteration(self, bench: Bench) -> None:
        definition = """
        - loop:
            for:
              value: v
              range: [1, 2]
              steps:
                - second:
                    switch:
                      - condition: ${v == 2}
                        return: ${seen}
                - first: {assign: [{seen: "${v}"}]}
        """
        assert "KeyError" in bench.tags(definition)

    @pytest.mark.parametrize("items", ["5", "text", "{a: 1}", "null"])
    def test_only_a_list_can_be_iterated_over(self, bench: Bench, items: str) -> None:
        assert "TypeError" in bench.tags(f"- l:\n    for: {{value: v, in: {items}, steps: [{{s: {{next: continue}}}}]}}\n")
