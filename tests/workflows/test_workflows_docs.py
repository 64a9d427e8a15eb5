"""The examples of docs/workflows-runner.md do what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from cli.main import main
from tests.support.command import Kimera

PAGE = (Path(__file__).parents[2] / "docs" / "workflows-runner.md").read_text("utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = {text.partition("\n")[0].removeprefix("# "): text for kind, text in BLOCKS if kind == "yaml"}
COMMANDS = [text for kind, text in BLOCKS if kind == "console"]
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
SHELL = [text for kind, text in BLOCKS if kind == "sh"]


@pytest.mark.parametrize("text", COMMANDS, ids=[text.partition("\n")[0] for text in COMMANDS])
def test_a_command_prints_what_the_page_shows(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
    monkeypatch.chdir(tmp_path)
    command, *shown = text.rstrip().split("\n")
    expected_code = 0
    if shown[-1].startswith("(exit code "):
        expected_code = int(shown.pop()[len("(exit code ") : -1])
    code = main(shlex.split(command.removeprefix("$ kimera ")))
    assert capsys.readouterr().out.rstrip().split("\n") == shown
    assert code == expected_code


def test_the_official_client_talks_to_what_the_page_serves(tmp_path: Path) -> None:
    (serve,) = SHELL
    (program,) = (text for text in PROGRAMS if "8711" in text)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
    with Kimera(tmp_path).started(*shlex.split(serve)[1:], "--port", "0", "--json") as running:
        running.line_with("Ctrl-C")
        assert running.process.stdout is not None
        address = json.loads(running.process.stdout.readline())["grpc"]
        exec(compile(program.replace("127.0.0.1:8711", address), "docs/workflows-runner.md", "exec"), {})


@pytest.mark.parametrize("text", [text for text in PROGRAMS if "8711" not in text], ids=["runner", "service"])
def test_a_program_runs(text: str) -> None:
    exec(compile(text, "docs/workflows-runner.md", "exec"), {})  # our own page


def test_the_page_has_examples() -> None:
    assert (len(FILES), len(COMMANDS), len(PROGRAMS)) == (8, 6, 3)
