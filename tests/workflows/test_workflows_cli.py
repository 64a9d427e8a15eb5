"""``kimera workflows``: one JSON object, exit codes 0, 1 and 2, and input that is bad on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from infra.local.workflows.cases import CasesError, read_cases
from infra.local.workflows.testing import run_tests
from infra.local.workflows.values import Json

MISSION = Path(__file__).parents[2] / "workflows" / "mission.yaml"
FLOW = """
main:
  params: [a]
  steps:
    - get: {call: http.get, args: {url: 'https://api/x'}, result: r}
    - choose:
        switch:
          - condition: ${r.body.n > 1}
            next: many
    - one: {return: one}
    - many:
        call: sys.sleep
        args: [60]
    - end_: {return: '${r.body.n + a.more}'}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "mocks.yaml").write_text("- {url: https://api/*, response: {body: {n: 2}}}\n")
    return tmp_path


class Terminal:
    """Runs a command; stdout holds one JSON object."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Json]]:
        code = main(["workflows", *arguments, "--json"])
        out, self.err = self.capsys.readouterr()
        told = json.loads(out)
        assert isinstance(told, dict) and out.count("\n") == 1
        return code, told


@pytest.fixture
def kimera(folder: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


class TestRun:
    def test_success(self, kimera: Terminal) -> None:
        told = kimera("run", "flow.yaml", "--data", '{"more": 5}', "--mock", "mocks.yaml", "--fast-clock", "--trace")
        assert told == (0, {"state": "SUCCEEDED", "result": 7, "error": None})
        assert "60.000 s  line 14   main.end_ (return)" in kimera.err

    def test_a_recorded_run_is_repeated_without_what_it_asked(self, kimera: Terminal, folder: Path) -> None:
        (folder / "f.yaml").write_text(
            "- a: {try: {call: http.get, args: {url: 'http://x'}, result: r}, retry: '${http.default_retry}'}\n"
            "- b: {call: googleapis.x.get, result: s}\n- c: {return: ['${base64.encode(r.body)}', '${s}']}\n"
        )
        responses: list[object] = [{"status": 503}, {"error": "TimeoutError"}, {"base64": "/w==", "headers": {"X": "1"}}]
        entries: list[object] = [{"url": "*", "responses": responses}, {"call": "*", "response": {"result": [1]}}]
        (folder / "m.yaml").write_text(json.dumps(entries))
        first = kimera("run", "f.yaml", "--mock", "m.yaml", "--fast-clock", "--record", "again.yaml")
        assert first == (0, {"state": "SUCCEEDED", "result": ["/w==", [1]], "error": None})
        assert kimera("run", "f.yaml", "--mock", "again.yaml", "--fast-clock") == first
        assert len(json.loads((folder / "again.yaml").read_text())[0]["responses"]) == 3

    def test_failure_names_step_and_line(self, kimera: Terminal) -> None:
        code, told = kimera("run", "flow.yaml", "--data", "{}", "--mock", "mocks.yaml", "--fast-clock")
        assert (code, told["state"], told["result"]) == (1, "FAILED", None)
        error = told["error"]
        assert isinstance(error, dict)
        assert error["payload"] == {"message": "KeyError: key not found: more", "tags": ["KeyError", "LookupError"]}
        assert error["context"] == 'KeyError: key not found: more\nin step "end_", routine "main", line: 14'

    def test_variables_and_a_file_of_data(self, kimera: Terminal, folder: Path) -> None:
        (folder / "e.yaml").write_text("main:\n  params: [a]\n  steps:\n    - r: {return: ['${sys.get_env(\"A\")}', '${a}']}\n")
        (folder / "d.json").write_text("[1]")
        assert kimera("run", "e.yaml", "--env", "A=x=y", "--data", "@d.json") == (
            0,
            {"state": "SUCCEEDED", "result": ["x=y", [1]], "error": None},
        )

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("flow.yaml", "--env", "A"), "NAME=VALUE"),
            (("flow.yaml", "--data", "{"), "not JSON"),
            (("flow.yaml", "--data", "@none.json"), "cannot read the data in none.json"),
            (("flow.yaml", "--data", json.dumps("x" * 33_000)), "the limit is 32768"),
            (("flow.yaml", "--mock", "none.yaml"), "cannot read the mocks"),
            (("none.yaml",), "cannot read the file"),
            ((".",), "cannot read the file"),
        ],
    )
    def test_what_cannot_begin(self, kimera: Terminal, arguments: tuple[str, ...], said: str) -> None:
        code, told = kimera("run", *arguments)
        error = told["error"]
        assert isinstance(error, dict)
        assert code == 2 and said in str(error["context"]) and told["state"] == "FAILED"

    def test_an_invalid_definition_lists_file_step_and_line(self, kimera: Terminal, folder: Path) -> None:
        (folder / "bad.yaml").write_text("- ok: {assign: [{x: 1}]}\n- wrong:\n    return: ${y}\n")
        code, told = kimera("run", "bad.yaml")
        error = told["error"]
        assert isinstance(error, dict) and isinstance(error["payload"], dict)
        problems = error["payload"]["problems"]
        assert isinstance(problems, list) and len(problems) == 1
        problem = problems[0]
        assert isinstance(problem, dict)
        assert code == 2 and (problem["file"], problem["step"], problem["line"]) == ("bad.yaml", "wrong", 3)


BAD = {
    "malformed": "- a: {return: [1\n",
    "tabs": "main:\n\tsteps: []\n",
    "cyclic anchor": "- a: &x\n    assign:\n      - v: [*x]\n",
    "large": "- a: {return: '" + "x" * 10_000_000 + "'}\n",
    "large, a letter of two bytes across the limit": "- a: {return: '" + "é" * 100_000 + "'}\n",
    "deep": "- a: {return: " + "[" * 5_000 + "]" * 5_000 + "}\n",
    "deep expression": "- a: {return: '${" + "(" * 180 + "1" + ")" * 180 + "}'}\n",
    "billion laughs": "- a:\n    assign:\n      - l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    + "".join(f"      - l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10)),
    "binary": "\x00\x01",
    "empty": "",
    "no steps": "main: {}\n",
    "two documents": "- a: {return: 1}\n---\n- b: {return: 1}\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_definitions_are_refused_by_every_command(kimera: Terminal, folder: Path, text: str) -> None:
    (folder / "bad.yaml").write_text(text)
    for command in ("run", "check", "draw", "test"):
        assert kimera(command, "bad.yaml")[0] == 2


def test_what_is_larger_than_the_limit_is_said_to_be_so_whatever_it_holds(kimera: Terminal, folder: Path) -> None:
    for text in (BAD["large"], BAD["large, a letter of two bytes across the limit"], "\x80" * 200_000):
        (folder / "bad.yaml").write_text(text)
        _, told = kimera("run", "bad.yaml")
        assert "more than 131072 bytes" in json.dumps(told["error"])


ENDLESS = {
    "loop": "- a: {assign: [{x: 1}]}\n- b: {next: a}\n",
    "recursion": "main: {steps: [{a: {call: sub}}]}\nsub: {steps: [{b: {call: sub}}]}\n",
    "growth": '- a: {assign: [{x: "y"}]}\n- b: {assign: [{x: "${x + x}"}], next: b}\n',
}


@pytest.mark.parametrize(
    ("name", "tag"), [("loop", "ResourceLimitError"), ("recursion", "RecursionError"), ("growth", "ResourceLimitError")]
)
def test_what_would_never_end_fails(kimera: Terminal, folder: Path, name: str, tag: str) -> None:
    (folder / "endless.yaml").write_text(ENDLESS[name])
    code, told = kimera("run", "endless.yaml")
    assert code == 1 and f'"{tag}"' in json.dumps(told["error"])


def test_check_and_draw(kimera: Terminal, folder: Path) -> None:
    code, told = kimera("check", "flow.yaml", str(MISSION))
    assert (code, told["valid"], len(told["files"])) == (0, True, 2)  # type: ignore[arg-type]  # a list
    (folder / "bad.yaml").write_text("- a: {next: nowhere}\n")
    assert kimera("check", "flow.yaml", "bad.yaml")[0] == 2
    code, told = kimera("draw", "flow.yaml")
    assert code == 0 and str(told["mermaid"]).startswith("flowchart TD\n")


CASES = """
mocks: [{url: '*', response: {body: {n: 2}}}]
coverage: 100
cases:
  - name: many
    data: {more: 3}
    expect: {result: 5, steps: [main.get, end_], not_steps: [one], takes: 60, requests: [{method: GET, url: 'https://api/*'}]}
  - name: one
    mocks: [{url: '*', response: {body: {n: 1}}}]
    expect: {result: one}
"""


class TestCases:
    def test_all_pass(self, kimera: Terminal, folder: Path) -> None:
        (folder / "flow.test.yaml").write_text(CASES)
        code, told = kimera("test", "flow.yaml")
        assert (code, told["passed"]) == (0, True)
        assert told["files"][0]["coverage"] == {"percent": 100.0, "steps": 5, "missed": []}  # type: ignore[index,call-overload]  # a list of maps

    @pytest.mark.parametrize(
        ("right", "wrong", "said"),
        [
            ("result: 5", "result: 6", "result: expected 6, got 5"),
            ("result: 5", "result: {a: 1}", 'result: expected {"a": 1}, got 5'),
            ("result: 5", "error: {code: 1}", "state: expected FAILED, got SUCCEEDED"),
            ("end_]", "one]", "steps: 'one' was not taken"),
            ("[one]", "[main.many]", "not_steps: the step 'main.many' was taken"),
            ("takes: 60", "takes: 59", "takes: 60.0 s"),
            ("method: GET", "method: PUT", "requests: number 1"),
            ("data: {more: 3}", "data: {}", "KeyError: key not found: more"),
        ],
    )
    def test_each_expectation_can_fail_and_says_where(self, folder: Path, right: str, wrong: str, said: str) -> None:
        (folder / "flow.test.yaml").write_text(CASES.replace(right, wrong, 1))
        seen: list[str] = []
        report = run_tests(Path("flow.yaml"), seen=seen.append)
        assert report.exit_code == 1
        assert seen[0].startswith("FAILED  many (flow.test.yaml:5)\n") and said in seen[0]
        assert seen[1] == "passed  one"

    def test_steps_that_no_case_takes_are_named(self, folder: Path) -> None:
        (folder / "flow.test.yaml").write_text(CASES.partition("  - name: one")[0])
        report = run_tests(Path("flow.yaml"))
        assert report.exit_code == 1
        assert "flow.yaml:10: no case takes the step 'one' of 'main'" in report.text() and "80 % of 5 steps" in report.text()

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "cases: []",
            "cases: [{data: 1}]",
            "cases: [{name: a, expects: {}}]",
            "cases: [{name: a, expect: {state: DONE}}]",
            "cases: [{name: a, expect: {steps: 1}}]",
            "cases: [{name: a, mocks: [{url: 1}]}]",
            "cases: [{name: a}]\ncoverage: 200",
            "cases: [{name: a}]\nenv: 1",
            "cases: [{name: a}]\nenv: {GOOGLE_MINE: 1}",
            "cases: [{name: a, env: {B: 1}}]\nenv: {" + ", ".join(f"A{n}: 1" for n in range(20)) + "}",
            "cases: [{name: a, expect: {requests: [{path: x}]}}]",
            "cases: [",
        ],
    )
    def test_cases_that_say_nothing_name_the_file(self, folder: Path, text: str) -> None:
        (folder / "flow.test.yaml").write_text(text)
        with pytest.raises(CasesError, match=r"flow\.test\.yaml"):
            read_cases(Path("flow.test.yaml"))
        assert run_tests(Path("flow.yaml")).exit_code == 2

    def test_the_missions_own_cases_pass(self) -> None:
        report = run_tests(MISSION)
        assert report.exit_code == 0, report.text()
        assert report.percent == 100
