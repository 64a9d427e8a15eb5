"""The limits of the service, and input that is bad on purpose. Pages: quotas; syntax/error-types."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from infra.local.workflows import SERVICE, ArgumentError, DefinitionError, Limits, Runner, State, load
from infra.local.workflows.values import Value, size_of

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench

CATCHING = "    except: {as: e, steps: [{r: {return: caught}}]}\n"


def _levels(levels: int, use: str) -> str:
    """A workflow that makes a list in a list, and so on, and then uses it."""
    loop = f"{{for: {{value: v, range: [1, {levels}], steps: [{{n: {{assign: [{{x: ['${{x}}']}}]}}}}]}}}}"
    return f"- a: {{assign: [{{x: []}}]}}\n- b: {loop}\n- c: {use}\n"


def test_the_figures_are_those_of_the_quotas_page() -> None:
    assert dataclasses.asdict(SERVICE) | {"nesting": 0, "expanded_nodes": 0, "redirects": 0} == {
        "source_bytes": 131072,
        "expression_characters": 400,
        "assignments_per_step": 50,
        "conditions_per_switch": 50,
        "branches_per_step": 10,
        "parallel_nesting": 2,
        "user_variables": 20,
        "variable_bytes": 4096,
        "steps": 100_000,
        "call_depth": 20,
        "memory_bytes": 524288,
        "string_bytes": 262144,
        "argument_bytes": 32768,
        "concurrent_branches": 20,
        "unhandled_exceptions": 100,
        "duration_s": 31536000.0,
        "response_bytes": 2097152,
        "http_timeout_s": 1800.0,
        "http_default_timeout_s": 300.0,
        "concurrent_executions": 10_000,
        "backlog": 100_000,
        "nesting": 0,
        "expanded_nodes": 0,
        "redirects": 0,
    }


class TestDefinition:
    @pytest.mark.parametrize(
        ("make", "limit"),
        [
            (lambda n: "- a:\n    assign:\n" + "".join(f"      - v{i}: 1\n" for i in range(n)), 50),
            (lambda n: "- a:\n    switch:\n" + "      - {condition: true, next: end}\n" * n, 50),
            (
                lambda n: (
                    "- a:\n    parallel:\n      branches:\n"
                    + "".join(f"        - b{i}: {{steps: [{{s{i}: {{return: 1}}}}]}}\n" for i in range(n))
                ),
                10,
            ),
        ],
        ids=["assignments per step", "conditions per switch", "branches per parallel step"],
    )
    def test_counts(self, make: object, limit: int) -> None:
        assert callable(make)
        load(make(limit))
        with pytest.raises(DefinitionError, match=f"limit is {limit}"):
            load(make(limit + 1))

    def test_source_size(self) -> None:
        load("- a: {return: 1}\n" + "#" * (SERVICE.source_bytes - 18) + "\n")
        with pytest.raises(DefinitionError, match="limit is 131072"):
            load("- a: {return: 1}\n" + "#" * SERVICE.source_bytes)

    @pytest.mark.parametrize(
        "text",
        [
            "x" * 10_000_000,
            "a: &a [*a]\n",
            "a: &a\n  b: *a\n",
            "a: *nothing\n",
            "[" * 60_000,
            "{a: " * 20_000,
            "- " * 50_000,
            "\n".join(
                ["a0: &a0 [x, x]"]
                + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, 30)]
            ),
            "a: b: c",
            "\t- a",
            "- a: {return: 1}\n---\n- b: {return: 2}\n",
            "",
            "# nothing\n",
            "5",
            "{}",
            "[]",
            "[[]]",
            "- a\n",
            "- {a: 1, b: 2}\n",
            "main: 5\n",
            "main: {}\n",
            "main: {steps: []}\n",
            "main: {steps: [{a: {}}]}\n",
            "main: {steps: [{a: null}]}\n",
            "sub: {steps: [{a: {return: 1}}]}\n",
            "main: {params: [a, b], steps: [{a: {return: 1}}]}\n",
            "main: {params: [1a], steps: [{a: {return: 1}}]}\n",
            "- a: {return: 1, assign: [{x: 1}]}\n",
            "- a: {retrun: 1}\n",
            "- a: {call: http.get, argz: {}}\n",
            "- a: {return: 1, return: 2}\n",
            "- a: {for: {value: v, steps: [{b: {return: 1}}]}}\n",
            "- a: {for: {value: v, in: [], range: [1, 2], steps: [{b: {return: 1}}]}}\n",
            "- a: {switch: []}\n",
            "- a: {switch: [{next: end}]}\n",
            "- a: {assign: {1x: 2}}\n",
            "- a: {return: 99999999999999999999}\n",
            "- a: {return: !!python/object:os.system 1}\n",
            "- a: {return: !custom 1}\n",
            "\x00",
            "- a: {return: \ud800}\n",
        ],
    )
    def test_a_bad_definition_gives_a_clear_error_with_its_line(self, text: str) -> None:
        with pytest.raises(DefinitionError) as caught:
            load(text, name="bad.yaml")
        problem = caught.value.problems[0]
        assert problem.line >= 1 and problem.message and str(caught.value).startswith(f"bad.yaml:{problem.line}:")

    def test_all_problems_of_a_definition_are_reported(self) -> None:
        with pytest.raises(DefinitionError) as caught:
            load("- a: {retrun: 1}\n- b: {return: '${1 +}'}\n- c: {next: 5}\n")
        assert [(problem.step, problem.line) for problem in caught.value.problems] == [("a", 1), ("b", 2), ("c", 3)]

    def test_aliases_work(self, bench: Bench) -> None:
        assert bench.result("- a: {assign: [{x: &v {k: 1}}, {y: *v}]}\n- b: {return: '${[x, y]}'}\n") == [{"k": 1}, {"k": 1}]

    def test_words_that_are_booleans_in_old_yaml_are_strings(self, bench: Bench) -> None:
        assert bench.result("- b: {return: [yes, no, on, off, 2024-01-01, 0x10, ~, '1', 1e3, .5]}\n") == [
            "yes",
            "no",
            "on",
            "off",
            "2024-01-01",
            16,
            None,
            "1",
            1000.0,
            0.5,
        ]


class TestExecution:
    def test_steps(self, bench: Bench) -> None:
        loop = "{steps: [{a: {assign: [{n: '${n + 1}'}], next: b}}, {b: {next: a}}]}"
        definition = f"- init: {{assign: [{{n: 0}}]}}\n- t:\n    try: {loop}\n{CATCHING}"
        assert "ResourceLimitError" in bench.tags(definition)

    @pytest.mark.parametrize(("depth", "works"), [(19, True), (20, False)])
    def test_call_depth(self, bench: Bench, depth: int, works: bool) -> None:
        """Page: syntax/error-types: RecursionError. Caught, so it is no limit of the execution."""
        definition = f"""
        main:
          steps:
            - t:
                try:
                  steps:
                    - c: {{call: down, args: [{depth}], result: r}}
                    - ok: {{return: "${{r}}"}}
                except: {{as: e, steps: [{{r: {{return: "${{e.tags[0]}}"}}}}]}}
        down:
          params: [n]
          steps:
            - stop: {{switch: [{{condition: "${{n == 1}}", return: bottom}}]}}
            - c: {{call: down, args: ["${{n - 1}}"], result: r}}
            - d: {{return: "${{r}}"}}
        """
        assert bench.result(definition) == ("bottom" if works else "RecursionError")

    def test_an_endless_recursion_in_an_expression(self, bench: Bench) -> None:
        assert "RecursionError" in bench.tags(
            "main:\n  steps: [{a: {return: '${f(1)}'}}]\nf:\n  params: [n]\n  steps: [{a: {return: '${f(n + 1)}'}}]\n"
        )

    def test_memory(self, bench: Bench) -> None:
        """Page: syntax/variables, "Memory usage"."""
        definition = """
        - init: {assign: [{s: "0123456789"}, {all: []}]}
        - grow: {for: {value: v, range: [1, 13], steps: [{a: {assign: [{s: "${s + s}"}]}}]}}
        - keep: {for: {value: v, range: [1, %d], steps: [{b: {assign: [{all: "${list.concat(all, s)}"}]}}]}}
        - done: {return: "${len(all)}"}
        """
        assert bench.result(definition % 5) == 5
        assert "MemoryLimitExceededError" in bench.tags(definition % 6)

    def test_memory_is_given_back(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{s: "0123456789"}]}
        - grow: {for: {value: v, range: [1, 13], steps: [{a: {assign: [{s: "${s + s}"}]}}]}}
        - reuse: {for: {value: v, range: [1, 500], steps: [{b: {assign: [{copy: "${s}"}]}}]}}
        - done: {return: "${len(s)}"}
        """
        assert bench.result(definition) == 81920

    def test_sizes_are_those_of_the_page(self) -> None:
        values: list[Value] = [1, 1.5, True, "x" * 28, [1, "ab"], {"a": 1}, "é", b"ab"]
        assert [size_of(value) for value in values] == [8, 8, 8, 36, 26, 25, 10, 10]

    def test_a_string(self, bench: Bench) -> None:
        definition = (
            "- a: {assign: [{s: '0123456789abcdef'}]}\n- b: {for: {value: v, range: [1, 15], steps: [{c: {assign: [{s: '${s + s}'}]}}]}}\n"
        )
        assert "ResourceLimitError" in bench.tags(definition)

    def test_a_value_of_too_many_levels_ends_the_execution_and_not_the_process(self, bench: Bench) -> None:
        assert bench.tags(_levels(2000, "{return: 1}")) == ["ResourceLimitError"]

    @pytest.mark.parametrize("use", ["{return: '${x}'}", "{call: sys.log, args: ['${x}']}"])
    def test_a_value_of_more_levels_than_can_be_written_ends_the_execution_and_not_the_process(self, bench: Bench, use: str) -> None:
        outcome = bench.outcome(_levels(600, use))
        if outcome.error is None:  # how many can be is Python's: fewer than these before 3.12
            assert str(outcome.result) in ("[" * 601 + "]" * 601, "None")
        else:
            assert isinstance(outcome.error.payload, dict)
            assert outcome.error.payload["tags"] == ["ResourceLimitError"]

    def test_a_value_of_many_levels_is_given_back(self, bench: Bench) -> None:
        assert str(bench.result(_levels(200, "{return: '${x}'}"))) == "[" * 201 + "]" * 201

    def test_duration(self, bench: Bench) -> None:
        definition = f"- t:\n    try: {{call: sys.sleep, args: [31536001]}}\n{CATCHING}"
        assert "ResourceLimitError" in bench.tags(definition)
        assert bench.result("- a: {call: sys.sleep, args: [31535999]}\n- b: {return: 1}\n") == 1

    def test_the_argument(self) -> None:
        definition = load("main:\n  params: [a]\n  steps: [{r: {return: 1}}]\n")
        with Runner() as runner:
            assert runner.start(definition, "x" * 32766, execution_id="a").wait(5).result == 1
            with pytest.raises(ArgumentError, match="32768"):
                runner.start(definition, "x" * 32767, execution_id="b")

    @pytest.mark.parametrize(
        ("env", "problem"),
        [
            ({f"V{n}": "" for n in range(21)}, "the limit is 20"),
            ({"": "x"}, "no name"),
            ({"GOOGLE_MINE": "x"}, "reserved"),
            ({"WORKFLOWS_MINE": "x"}, "reserved"),
            ({"V": "é" * 2049}, "4096"),
            ({"V" * 4097: "x"}, "4096"),
        ],
    )
    def test_variables_that_the_service_does_not_deploy(self, env: dict[str, str], problem: str) -> None:
        """REST reference of workflows, ``userEnvVars``."""
        with pytest.raises(ArgumentError, match=problem):
            Runner(env=env)

    def test_as_many_variables_as_are_allowed_and_a_built_in_one_with_another_value(self) -> None:
        env = {f"V{n}": "x" * 4096 for n in range(20)} | {"GOOGLE_CLOUD_PROJECT_ID": "mine"}
        with Runner(env=env) as runner:
            read = load('- a: {return: \'${sys.get_env("GOOGLE_CLOUD_PROJECT_ID") + string(len(sys.get_env("V19")))}\'}\n')
            assert runner.start(read, execution_id="x").wait(5).result == "mine4096"

    def test_more_executions_than_may_run_wait_in_the_backlog(self) -> None:
        slow = load("- a: {call: sys.sleep, args: [3600]}\n")
        with Runner(limits=Limits(concurrent_executions=1, backlog=1)) as runner:
            first, second = runner.start(slow, execution_id="1"), runner.start(slow, execution_id="2")
            assert second.state is State.QUEUED
            with pytest.raises(ArgumentError):
                runner.start(slow, execution_id="3")
            first.cancel()
            assert first.wait(5).state is State.CANCELLED
            second.cancel()
            assert second.wait(5).state is State.CANCELLED
