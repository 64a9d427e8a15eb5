"""The Dockerfiles, as far as they can be held to without an engine that builds them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from functions.manifest import row
from infra.packaging.archive import contents_of

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "infra" / "docker").glob("*.Dockerfile"))
Instruction = tuple[str, str]
each = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)


def instructions(path: Path) -> list[Instruction]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def of(path: Path, word: str) -> list[str]:
    return [rest for found, rest in instructions(path) if found == word]


def test_there_is_one_for_functions_and_one_for_the_sandbox() -> None:
    assert [path.stem for path in DOCKERFILES] == ["function", "sandbox"]


@each
def test_every_base_has_a_version(dockerfile: Path) -> None:
    for base in of(dockerfile, "FROM"):
        assert re.fullmatch(r"python:3\.13-slim-bookworm( AS \w+)?", base)


@each
def test_everything_that_is_copied_exists(dockerfile: Path) -> None:
    copied = [source for rest in of(dockerfile, "COPY") if not rest.startswith("--from=") for source in rest.split()[:-1]]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert of(dockerfile, "ADD") == []


@each
def test_a_stage_is_copied_from_that_was_built(dockerfile: Path) -> None:
    stages = {base.partition(" AS ")[2] for base in of(dockerfile, "FROM")}
    assert set(re.findall(r"--from=(\w+)", dockerfile.read_text())) <= stages - {""}


@each
def test_it_does_not_run_as_root(dockerfile: Path) -> None:
    last_stage = instructions(dockerfile)
    last_stage = last_stage[max(n for n, (word, _) in enumerate(last_stage) if word == "FROM") :]
    (user,) = [rest for word, rest in last_stage if word == "USER"]
    assert user.isdecimal() and int(user) > 0
    words = [word for word, _ in last_stage]
    assert words.index("USER") > max(n for n, word in enumerate(words) if word in ("RUN", "COPY"))


@each
def test_what_is_installed_has_its_hash(dockerfile: Path) -> None:
    installs = [step for run in of(dockerfile, "RUN") for step in run.split("&&") if re.search(r"\bpip\b.*\binstall\b", step)]
    assert installs
    assert [step for step in installs if "--require-hashes" not in step or "--requirement" not in step] == []


@each
def test_no_secret_goes_in(dockerfile: Path) -> None:
    named = " ".join(of(dockerfile, "ENV") + of(dockerfile, "ARG"))
    assert not re.search(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", named, re.IGNORECASE)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".env", ".kimera", ".venv*", "kimera.toml"} <= set(ignored)


@each
def test_the_command_is_one_that_takes_signals(dockerfile: Path) -> None:
    (command,) = of(dockerfile, "CMD")
    assert json.loads(command)[0] == "functions-framework"


@pytest.mark.parametrize("lock", [path for path in (ROOT / "requirements").glob("*.lock") if path.stem in ("sandbox", "supervisor")])
def test_no_library_of_googles_is_where_generated_code_runs(lock: Path) -> None:
    assert re.findall(r"^(?:google|grpcio|gcloud|opentelemetry-exporter-gcp)[\w-]*", lock.read_text(), re.MULTILINE) == []


def test_the_first_stage_needs_nothing_but_python(tmp_path: Path) -> None:
    """The very command that the Dockerfiles run, in an interpreter without a library."""
    command = [sys.executable, "-S", "-m", "infra.packaging"]
    subprocess.run([*command, "budget", tmp_path / "app"], cwd=ROOT, check=True)
    written = {path.relative_to(tmp_path / "app").as_posix(): path.read_bytes() for path in (tmp_path / "app").rglob("*") if path.is_file()}
    assert written == contents_of(row("budget"))
    refused = subprocess.run([*command, "budgt", tmp_path / "app"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "functions: missions" in refused.stderr
