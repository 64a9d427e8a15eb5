"""The one table of functions, and the times that nest."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from functions.deep_research.studying import CALLS_AT_ONCE
from functions.manifest import MANIFEST, Dependencies, FunctionRow, Role, Trigger, row
from functions.sandbox.fetching import FETCH_S
from schemas.sandbox import MAX_RUN_S
from shared import times
from shared.adapters.remote_sandbox import AROUND_A_RUN_S, LINK_S, PATIENCE
from shared.sandbox import SandboxLimits
from shared.secrets import MODEL_KEYS, NEO4J_READER, NEO4J_WRITER

ROOT = Path(__file__).parents[2]
DEFINITION = (ROOT / "workflows" / "mission.yaml").read_text()


def test_functions_framework_takes_the_number_of_its_threads_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions_framework._http.gunicorn import GunicornApplication

    monkeypatch.setenv("THREADS", "40")  # infra/pulumi/components/environment.py sets it
    made = GunicornApplication(None, "127.0.0.1", 8080, debug=False)  # type: ignore[no-untyped-call]  # it has no types
    assert made.cfg.threads == 40


def test_whoever_waits_outlives_whom_it_waits_for() -> None:
    for function in MANIFEST:
        nested = [
            times.SANDBOX_RUN_S,
            times.SLICE_BUDGET_S,
            function.timeout_s,
            times.WORKFLOW_HTTP_TIMEOUT_S,
            times.SLICE_LEASE_S,
            times.HEARTBEAT_STALE_S,
        ]
        assert nested == sorted(set(nested)), function.name
    assert SandboxLimits().seconds <= times.SANDBOX_RUN_S
    assert times.DELIVERED_AGAIN_S < times.FUNCTION_TIMEOUT_S
    assert times.GO_ON_S + times.SLICE_BUDGET_S < times.FUNCTION_TIMEOUT_S
    assert times.SLICE_BUDGET_S * times.CHECKPOINT_SHARE + times.SANDBOX_RUN_S < times.FUNCTION_TIMEOUT_S


def test_an_answer_that_is_asked_for_at_the_last_moment_comes_in_time() -> None:
    asked_at = times.SLICE_BUDGET_S * times.CHECKPOINT_SHARE
    assert asked_at + times.ANSWER_S + times.ANSWER_GRACE_S < times.FUNCTION_TIMEOUT_S
    longest = times.LONGEST_ANSWER_S + times.ANSWER_GRACE_S
    assert longest < times.WORKFLOW_HTTP_TIMEOUT_S and asked_at + longest < times.SLICE_LEASE_S
    assert asked_at + times.MAX_ANSWERS * longest < times.slice_lease_s(times.LONGEST_ANSWER_S)
    assert [times.slice_lease_s(s) for s in (1, times.ANSWER_S)] == [times.SLICE_LEASE_S] * 2
    for answer_s in (times.ANSWER_S, times.ANSWER_S + 1, times.LONGEST_ANSWER_S):
        assert times.heartbeat_stale_s(answer_s) - times.slice_lease_s(answer_s) == times.HEARTBEAT_STALE_S - times.SLICE_LEASE_S


def test_a_slice_whose_questions_wait_for_their_turn_as_long_as_they_may_still_has_its_lease() -> None:
    asked_at = times.SLICE_BUDGET_S * times.CHECKPOINT_SHARE
    for answer_s in (1, times.ANSWER_S, times.LONGEST_ANSWER_S):
        longest, patience_s = answer_s + times.ANSWER_GRACE_S, times.turn_patience_s(answer_s)
        assert asked_at + patience_s + longest + times.SANDBOX_RUN_S < times.slice_lease_s(answer_s, patience_s)
        assert times.slice_lease_s(answer_s) <= times.slice_lease_s(answer_s, patience_s) or answer_s < times.ANSWER_S
        silent_s = times.heartbeat_stale_s(answer_s, patience_s) - times.slice_lease_s(answer_s, patience_s)
        assert silent_s == times.HEARTBEAT_STALE_S - times.SLICE_LEASE_S
        assert patience_s > (CALLS_AT_ONCE + 1) * longest, "what one mission asks at once, research and the analysis"


def test_every_call_of_the_workflow_has_the_explicit_timeout() -> None:
    calls = DEFINITION.count("call: http.post")
    assert calls == DEFINITION.count(f"timeout: {times.WORKFLOW_HTTP_TIMEOUT_S}\n") == 3


@pytest.mark.parametrize("function", MANIFEST, ids=lambda function: function.name)
def test_every_row_is_a_folder_with_its_entry_point(function: FunctionRow) -> None:
    module = importlib.import_module(function.module)
    assert callable(getattr(module, function.entry_point))
    assert (ROOT / "requirements" / f"{function.dependencies}.lock").exists()


def test_every_folder_with_an_entry_point_is_a_row() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/main.py")}
    assert folders == {function.name for function in MANIFEST}


def test_the_workflow_asks_for_the_addresses_of_functions_that_exist() -> None:
    asked = set(re.findall(r'sys\.get_env\("(\w+_URL)"\)', DEFINITION))
    assert asked == {row(name).url_variable for name in ("lifecycle", "budget", "deep_research", "ds_star", "fusion")}


def test_the_sandbox_may_do_nothing_and_runs_alone() -> None:
    sandbox = row("sandbox")
    assert sandbox.roles == frozenset() and sandbox.secrets == frozenset() and sandbox.dependencies is Dependencies.SUPERVISOR
    assert sandbox.is_container and sandbox.concurrency == 1
    assert [function.name for function in MANIFEST if function.dependencies is Dependencies.SUPERVISOR] == ["sandbox"]
    assert sandbox.timeout_s > MAX_RUN_S + FETCH_S and sandbox.timeout_s > MAX_RUN_S + AROUND_A_RUN_S
    assert PATIENCE.deadline_s < LINK_S and PATIENCE.deadline_s < times.FUNCTION_TIMEOUT_S


def test_users_reach_one_function_only() -> None:
    assert [function.name for function in MANIFEST if function.trigger is Trigger.PUBLIC] == ["missions"]


@pytest.mark.parametrize("function", MANIFEST, ids=lambda function: function.name)
def test_who_writes_knowledge_has_the_writers_password_and_who_only_reads_the_readers(function: FunctionRow) -> None:
    expected = (
        {NEO4J_WRITER} if Role.KNOWLEDGE_WRITE in function.roles else {NEO4J_READER} if Role.KNOWLEDGE_READ in function.roles else set()
    )
    assert function.secrets & {NEO4J_READER, NEO4J_WRITER} == expected


def test_the_functions_that_ask_models_have_their_keys_and_no_other() -> None:
    assert {function.name for function in MANIFEST if function.secrets & MODEL_KEYS} == {"deep_research", "ds_star", "fusion"}


@pytest.mark.parametrize("function", [f for f in MANIFEST if f.trigger is not Trigger.PUBLIC and not f.is_container], ids=lambda f: f.name)
def test_a_row_names_the_callers_that_its_routes_ask_for(function: FunctionRow) -> None:
    """The infrastructure lets those through that the row names; each route then asks for its own."""
    source = (ROOT / "functions" / function.name / "main.py").read_text()
    assert set(re.findall(r"caller=Part\.(\w+)", source)) == {caller.name for caller in function.callers}
