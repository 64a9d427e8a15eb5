"""Errors and retries.

Pages: syntax/raising-errors, syntax/catching-errors, syntax/retrying, syntax/error-types, access-execution-results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.local.workflows import DefinitionError, load

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench


class TestRaiseAndCatch:
    @pytest.mark.parametrize("error", ['"Something"', "{code: 55, message: no, own: [1]}"])
    def test_what_was_raised_is_what_except_sees(self, bench: Bench, error: str) -> None:
        """Page: syntax/raising-errors: errors are strings or maps, with keys of one's own."""
        definition = f"- t:\n    try: {{raise: {error}}}\n    except: {{as: e, steps: [{{r: {{return: '${{e}}'}}}}]}}\n"
        found = bench.result(definition)
        assert found == ("Something" if error.startswith('"') else {"code": 55, "message": "no", "own": [1]})

    @pytest.mark.parametrize("error", ["5", "[1]", "null"])
    def test_only_strings_and_maps_can_be_raised(self, bench: Bench, error: str) -> None:
        assert "TypeError" in bench.tags(f"- r: {{raise: {error}}}\n")

    def test_an_error_inside_assign_can_be_caught_and_keeps_earlier_assignments(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{x: 0}]}
        - t:
            try:
              steps:
                - a: {assign: [{x: 1}, {y: "${1 / 0}"}, {x: 2}]}
            except:
              as: e
              steps:
                - r: {return: "${[x, e.tags]}"}
        """
        assert bench.result(definition) == [1, ["ZeroDivisionError", "ArithmeticError"]]

    def test_an_error_map_has_message_and_tags(self, bench: Bench) -> None:
        """Page: syntax/error-types, "Error maps"; the second tag is what executions of the service show."""
        definition = (
            "- a: {assign: [{m: {}}]}\n- t:\n    try: {assign: [{x: '${m.k}'}]}\n    except: {as: e, steps: [{r: {return: '${e}'}}]}\n"
        )
        assert bench.result(definition) == {"message": "KeyError: key not found: k", "tags": ["KeyError", "LookupError"]}

    def test_raising_it_again_passes_it_on(self, bench: Bench) -> None:
        definition = "- t:\n    try: {raise: {code: 1}}\n    except: {as: e, steps: [{r: {raise: '${e}'}}]}\n"
        assert bench.error(definition).payload == {"code": 1}

    def test_an_error_in_a_subworkflow_reaches_the_caller(self, bench: Bench) -> None:
        definition = """
        main:
          steps:
            - t:
                try: {call: sub}
                except: {as: e, steps: [{r: {return: "${e}"}}]}
        sub:
          steps:
            - boom: {raise: deep}
        """
        assert bench.result(definition) == "deep"

    def test_a_jump_out_of_try_and_out_of_except(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{n: 0}]}
        - t:
            try:
              steps:
                - a: {switch: [{condition: "${n == 1}", next: done}]}
                - b: {raise: first}
            except:
              as: e
              steps:
                - c: {assign: [{n: "${n + 1}"}], next: t}
        - done: {return: "${n}"}
        """
        assert bench.result(definition) == 1

    def test_the_context_names_each_routine_step_and_line(self, bench: Bench) -> None:
        """Page: access-execution-results, "Execution error maps"."""
        definition = """
        main:
          steps:
            - outer:
                call: sub
        sub:
          steps:
            - fine: {assign: [{x: 1}]}
            - boom:
                raise: "It broke"
        """
        said = 'RuntimeError: "It broke"\nin step "boom", routine "sub", line: 9\nin step "outer", routine "main", line: 4'
        assert bench.error(definition).context == said

    def test_an_except_without_steps_lets_the_workflow_go_on(self, bench: Bench) -> None:
        """Page: syntax/catching-errors: the steps block is optional."""
        assert bench.result("- t:\n    try: {raise: x}\n    except: {as: e}\n- r: {return: on}\n") == "on"

    def test_try_takes_a_bare_list_of_steps(self, bench: Bench) -> None:
        """The JSON Schema that the pages refer to: workflows-samples, jsonschema/workflows.json."""
        definition = """
        - t:
            try:
              - a: {assign: [{x: 1}]}
              - b: {raise: "${string(x)}"}
            except: {as: e, steps: [{h: {return: "${e}"}}]}
        """
        assert bench.result(definition) == "1"

    def test_a_variable_of_the_try_block_outlives_it(self, bench: Bench) -> None:
        """Page: syntax/variables, "Variable scope": only loops and handlers have variables of their own."""
        definition = "- t:\n    try: {assign: [{x: 1}]}\n    except: {as: e, steps: [{h: {raise: '${e}'}}]}\n- r: {return: '${x}'}\n"
        assert bench.result(definition) == 1

    def test_a_handler_can_change_a_variable_from_before_it(self, bench: Bench) -> None:
        """Page: syntax/catching-errors, "Variable scope"."""
        definition = "- i: {assign: [{x: 0}]}\n- t:\n    try: {raise: a}\n    except: {as: e, steps: [{h: {assign: [{x: '${e}'}]}}]}\n"
        assert bench.result(definition + "- r: {return: '${x}'}\n") == "a"

    def test_an_error_given_as_text_can_be_decoded(self, bench: Bench) -> None:
        """Page: syntax/error-types, "Access error data returned as a string"."""
        definition = """
        - t:
            try: {raise: '{"code": 7}'}
            except: {as: e, steps: [{r: {return: "${json.decode(text.encode(e)).code}"}}]}
        """
        assert bench.result(definition) == 7

    def test_try_alone_is_refused(self) -> None:
        with pytest.raises(DefinitionError, match="retry"):
            load("- t:\n    try: {return: 1}\n")


def retrying(retry: str, after: str = "") -> str:
    """A definition that fails with the status of each mock in turn, and the retry to test."""
    return f"""
main:
  params: [a]
  steps:
    - t:
        try: {{call: http.get, args: {{url: "http://x/"}}, result: r}}
        retry: {retry}{after}
    - done: {{return: "${{r.code}}"}}
only_500:
  params: [e]
  steps:
    - c:
        switch:
          - condition: ${{"HttpError" in e.tags and e.code == 500}}
            return: true
    - n: {{return: false}}
odd:
  params: [e]
  steps:
    - r: {{return: "yes"}}
"""


def statuses(*codes: int | str) -> dict[str, object]:
    return {"url": "*", "responses": [{"status": code} if isinstance(code, int) else {"error": code} for code in codes]}


class TestRetry:
    """Page: syntax/retrying; stdlib/http/default_retry*; stdlib/retry/*."""

    def test_delays_grow_by_the_multiplier_up_to_the_maximum(self, bench: Bench) -> None:
        transport = bench.mock(statuses(500, 500, 500, 500, 200))
        policy = "{predicate: '${only_500}', max_retries: 9, backoff: {initial_delay: 2, max_delay: 10, multiplier: 3}}"
        start = bench.clock.now()
        assert bench.result(retrying(policy)) == 200
        assert bench.clock.now() - start == 2 + 6 + 10 + 10
        assert len(transport.requests) == 5

    def test_the_example_of_the_page(self, bench: Bench) -> None:
        """Eight retries after 1, 2, 4, 8, 16, 32, 60 and 60 seconds: nine attempts."""
        transport = bench.mock(statuses(500))
        start = bench.clock.now()
        bench.error(retrying("{predicate: '${only_500}', max_retries: 8, backoff: {initial_delay: 1, max_delay: 60, multiplier: 2}}"))
        assert (len(transport.requests), bench.clock.now() - start) == (9, 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60)

    def test_no_retries_is_one_attempt(self, bench: Bench) -> None:
        transport = bench.mock(statuses(500))
        bench.error(retrying("{predicate: '${only_500}', max_retries: 0, backoff: {initial_delay: 1, max_delay: 1, multiplier: 1}}"))
        assert len(transport.requests) == 1

    def test_a_default_predicate_with_values_of_ones_own(self, bench: Bench) -> None:
        transport = bench.mock(statuses(503))
        start = bench.clock.now()
        policy = "{predicate: '${http.default_retry_predicate}', max_retries: 2, backoff: {initial_delay: 7, max_delay: 9, multiplier: 2}}"
        bench.error(retrying(policy))
        assert (len(transport.requests), bench.clock.now() - start) == (3, 7 + 9)

    @pytest.mark.parametrize(
        ("policy", "attempts", "took"), [("{max_retries: 2}", 3, 1 + 1.25), ("{predicate: '${only_500}'}", 6, 8.2070312)]
    )
    def test_parts_of_a_policy_that_are_left_out(self, bench: Bench, policy: str, attempts: int, took: float) -> None:
        """The page requires all of them, and does not say what happens without one."""
        transport = bench.mock(statuses(500))
        start = bench.clock.now()
        bench.error(retrying(policy))
        assert len(transport.requests) == attempts
        assert bench.clock.now() - start == pytest.approx(took)

    def test_an_error_of_the_predicate_takes_the_place_of_the_one_it_was_to_judge(self, bench: Bench) -> None:
        """No page says it. A predicate that reads the code of an error without one fails like this."""
        bench.mock(statuses("ConnectionError"))
        text = retrying("{predicate: '${careless}', max_retries: 2, backoff: '${retry.default_backoff}'}")
        text += "careless:\n  params: [e]\n  steps: [{r: {return: '${e.code == 500}'}}]\n"
        assert bench.tags(text)[0] == "KeyError"

    def test_max_retries_does_not_count_the_first_attempt(self, bench: Bench) -> None:
        transport = bench.mock(statuses(500))
        payload = bench.error(
            retrying("{predicate: '${only_500}', max_retries: 2, backoff: {initial_delay: 1, max_delay: 1, multiplier: 1}}")
        ).payload
        assert isinstance(payload, dict) and payload["code"] == 500
        assert len(transport.requests) == 3

    def test_a_predicate_that_says_no_ends_it(self, bench: Bench) -> None:
        transport = bench.mock(statuses(503, 200))
        assert "HttpError" in bench.tags(retrying("{predicate: '${only_500}', max_retries: 5, backoff: '${retry.default_backoff}'}"))
        assert len(transport.requests) == 1

    @pytest.mark.parametrize("failure", [429, 502, 503, 504, "ConnectionError", "ConnectionFailedError", "TimeoutError"])
    def test_the_default_policy_retries_what_the_page_lists(self, bench: Bench, failure: int | str) -> None:
        bench.mock(statuses(failure, 200))
        start = bench.clock.now()
        assert bench.result(retrying("${http.default_retry}")) == 200
        assert bench.clock.now() - start == 1

    def test_the_default_policy_tries_five_times_more_with_the_default_backoff(self, bench: Bench) -> None:
        transport = bench.mock(statuses(503))
        start = bench.clock.now()
        bench.error(retrying("${http.default_retry}"))
        assert len(transport.requests) == 6
        assert bench.clock.now() - start == pytest.approx(1 + 1.25 + 1.25**2 + 1.25**3 + 1.25**4)

    @pytest.mark.parametrize("failure", [400, 404, 500])
    def test_the_default_policy_retries_nothing_else(self, bench: Bench, failure: int) -> None:
        transport = bench.mock(statuses(failure, 200))
        bench.error(retrying("${http.default_retry}"))
        assert len(transport.requests) == 1

    @pytest.mark.parametrize(
        ("failure", "tries"), [(429, 2), (503, 2), ("ConnectionFailedError", 2), (502, 1), ("ConnectionError", 1), ("TimeoutError", 1)]
    )
    def test_the_policy_for_calls_that_are_not_idempotent(self, bench: Bench, failure: int | str, tries: int) -> None:
        transport = bench.mock(statuses(failure, 200))
        bench.outcome(retrying("${http.default_retry_non_idempotent}"))
        assert len(transport.requests) == tries

    @pytest.mark.parametrize(("predicate", "tries"), [("retry.always", 3), ("retry.never", 1)])
    def test_always_and_never(self, bench: Bench, predicate: str, tries: int) -> None:
        transport = bench.mock(statuses(418))
        bench.error(retrying(f"{{predicate: '${{{predicate}}}', max_retries: 2, backoff: '${{retry.default_backoff}}'}}"))
        assert len(transport.requests) == tries

    def test_except_runs_once_retries_are_used_up(self, bench: Bench) -> None:
        bench.mock(statuses(503))
        handler = "\n        except: {as: e, steps: [{h: {return: '${e.code}'}}]}"
        assert bench.result(retrying("${http.default_retry}", handler)) == 503

    def test_every_value_may_be_an_expression(self, bench: Bench) -> None:
        transport = bench.mock(statuses(500))
        policy = (
            "{predicate: '${only_500}', max_retries: '${a.n}', backoff: {initial_delay: '${a.d}', max_delay: 60, multiplier: '${a.n}'}}"
        )
        start = bench.clock.now()
        bench.error(retrying(policy), {"n": 2, "d": 0.5})
        assert len(transport.requests) == 3
        assert bench.clock.now() - start == 1.5

    def test_a_predicate_has_to_answer_with_a_boolean(self, bench: Bench) -> None:
        bench.mock(statuses(500))
        assert "TypeError" in bench.tags(retrying("{predicate: '${odd}', max_retries: 2, backoff: '${retry.default_backoff}'}"))

    @pytest.mark.parametrize("parameters", ["[]", "[e, f]", "[e: 1, f]"])
    def test_a_predicate_takes_one_argument(self, bench: Bench, parameters: str) -> None:
        bench.mock(statuses(500))
        text = retrying("{predicate: '${wrong}', max_retries: 2, backoff: '${retry.default_backoff}'}")
        text += f"wrong:\n  params: {parameters}\n  steps: [{{r: {{return: true}}}}]\n"
        assert bench.tags(text) == ["TypeError"]

    def test_more_parameters_of_a_predicate_have_their_defaults(self, bench: Bench) -> None:
        bench.mock(statuses(500, 418, 200))
        text = retrying("{predicate: '${more}', max_retries: 2, backoff: '${retry.default_backoff}'}")
        text += "more:\n  params: [e, codes: [418, 500]]\n  steps: [{r: {return: '${e.code in codes}'}}]\n"
        assert bench.result(text) == 200

    @pytest.mark.parametrize("function", ["len", "text.split", "map.get", "sys.log", "sys.now"])
    def test_a_function_that_judges_no_error_is_no_predicate(self, bench: Bench, function: str) -> None:
        bench.mock(statuses(500))
        assert bench.tags(retrying(f"{{predicate: '${{{function}}}', max_retries: 2}}")) == ["TypeError"]

    def test_a_retry_runs_the_whole_block_again(self, bench: Bench) -> None:
        definition = """
        - init: {assign: [{n: 0}]}
        - t:
            try:
              steps:
                - count: {assign: [{n: "${n + 1}"}]}
                - fail: {switch: [{condition: "${n < 3}", raise: again}]}
            retry: {predicate: "${retry.always}", max_retries: 5, backoff: "${retry.default_backoff}"}
        - done: {return: "${n}"}
        """
        assert bench.result(definition) == 3
