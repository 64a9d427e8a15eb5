"""What the command line offers: running with mocks, checking, drawing."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.workflows.command import check_files, draw, run_file

FLOW = """
main:
  params: [a]
  steps:
    - get: {call: http.get, args: {url: "https://api.example.com/users/1"}, result: r}
    - wait: {call: sys.sleep, args: [3600]}
    - done: {return: "${[r.body.name, a, sys.get_env(\\"K\\")]}"}
"""
MOCKS = """
- url: https://api.example.com/users/*
  method: GET
  response: {body: {name: Ada}}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "mocks.yaml").write_text(MOCKS)
    (tmp_path / "data.json").write_text('{"x": 1}')
    return tmp_path / "flow.yaml"


def test_a_run_with_mocks_on_the_fast_clock(flow: Path) -> None:
    report = run_file(
        flow, data=f"@{flow.parent / 'data.json'}", env={"K": "v"}, mock=flow.parent / "mocks.yaml", fast_clock=True, trace=True, timeout=10
    )
    assert report.as_json() == {"state": "SUCCEEDED", "result": ["Ada", {"x": 1}, "v"], "error": None}
    assert (report.exit_code, [event.step for event in report.trace], report.steps) == (0, ["get", "wait", "done"], 3)


def test_a_failed_run_shows_payload_and_context(flow: Path) -> None:
    flow.write_text("- a: {raise: {code: 3}}\n")
    report = run_file(flow, timeout=10)
    assert report.exit_code == 1
    assert report.as_json() == {
        "state": "FAILED",
        "result": None,
        "error": {"payload": {"code": 3}, "context": 'map error\nin step "a", routine "main", line: 1'},
    }


@pytest.mark.parametrize("data", ["{", "@/does/not/exist"])
def test_bad_data_does_not_begin(flow: Path, data: str) -> None:
    report = run_file(flow, data=data)
    assert report.exit_code == 2 and ("not JSON" in report.message or "cannot read" in report.message)


def test_an_invalid_definition_does_not_begin_and_names_file_step_and_line(flow: Path) -> None:
    flow.write_text("- a: {return: 1}\n- b: {return: '${nope}'}\n")
    report = run_file(flow)
    assert report.exit_code == 2
    assert report.message.startswith(f"{flow}:2:15: error in step \"b\": symbol 'nope'")


@pytest.mark.parametrize(
    "mocks",
    [
        "5",
        "- {}",
        "- {url: x}",
        "- {url: x, response: {state: 1}}",
        "- {url: x, response: {error: Oops}}",
        "[",
        "- {url: x, responses: []}",
    ],
)
def test_bad_mocks_do_not_begin(flow: Path, mocks: str) -> None:
    (flow.parent / "mocks.yaml").write_text(mocks)
    report = run_file(flow, mock=flow.parent / "mocks.yaml")
    assert report.exit_code == 2 and "mocks.yaml" in report.message


CHECKS = [
    ("- a: {return: 1}\n", []),
    ("- a: {return: 1}\n- b: {return: 2}\n", ["unreachable"]),
    ("- a: {next: c}\n- b: {return: 2}\n- c: {return: 1}\n", ["unreachable"]),
    ("- a: {next: c}\n- b: {return: 2}\n- c: {next: b}\n", []),
    ("- a: {return: 'x ${y}'}\n", ["not_an_expression"]),
    ("main:\n  steps: [{a: {return: 1}}]\nsub:\n  steps: [{a: {return: 1}}]\n", ["unused_subworkflow"]),
    ("main:\n  steps: [{a: {return: '${sub()}'}}]\nsub:\n  steps: [{a: {return: 1}}]\n", []),
    ("- p: {parallel: {branches: [{b: {steps: [{s: {return: 1}}]}}]}}\n", ["return_in_parallel"]),
    ("- a: {retrun: 1}\n", ["unknown_key"]),
    ("- a: {next: b}\n", ["unknown_step"]),
    ("- a: {assign: [{x: 1}]}\n- p: {parallel: {branches: [{b: {steps: [{s: {assign: [{x: 2}]}}]}}]}}\n", ["not_shared"]),
]


@pytest.mark.parametrize(("text", "codes"), CHECKS)
def test_check_finds(tmp_path: Path, text: str, codes: list[str]) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(text)
    (report,) = check_files([path])
    assert [problem.code for problem in report.problems] == codes
    assert report.exit_code == (2 if any(problem.severity == "error" for problem in report.problems) else 0)


def test_a_missing_file_is_a_problem_of_that_file(tmp_path: Path) -> None:
    (report,) = check_files([tmp_path / "none.yaml"])
    assert (report.exit_code, report.problems[0].code) == (2, "unreadable")


def test_draw_shows_steps_and_arrows(flow: Path) -> None:
    picture = draw(flow)
    assert picture.startswith("flowchart TD\n")
    assert '["get: call http.get"]' in picture and picture.count("-->") == 2 and picture.count("subgraph") == picture.count("\nend") == 1
