"""The self-check of the sandbox service: it passes where code is isolated, and names what code gets at where it is not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapters import bubblewrap_run, bubblewrap_start
from shared.adapters.bubblewrap_command import sandbox_arguments
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.sandbox_python import SandboxPython, find_sandbox_python
from shared.errors import SandboxUnavailable
from shared.isolation.selfcheck import show_isolation
from shared.sandbox import CodeSandbox, SandboxJob, SandboxLimits, SandboxResult
from tests.support.sandboxes import ROOT, sandbox

__all__ = ["sandbox"]

pytestmark = pytest.mark.bubblewrap


def test_a_sandbox_that_isolates_passes_and_every_attempt_is_counted(sandbox: CodeSandbox, tmp_path: Path) -> None:
    assert show_isolation(sandbox, tmp_path) >= 35
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("leak", "named"),
    [
        (["--share-net"], "reaches the supervisor's machine.*reaches an abstract socket.*has interfaces beside the loopback"),
        (["--ro-bind", "/etc", "/etc"], "reads /etc/passwd; reads /etc/hostname"),
        (["--bind", "{scratch}", "{scratch}"], "reaches a named socket; reads {scratch}"),
        (["--setenv", "KIMERA_SELFCHECK_MARK", "1"], "sees the host's environment"),
    ],
    ids=["network", "files", "folder", "environment"],
)
def test_a_leak_is_named(leak: list[str], named: str, sandbox: CodeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMERA_SELFCHECK_MARK", "1")
    extra = [argument.replace("{scratch}", str(tmp_path)) for argument in leak]

    def leaking(python: SandboxPython, **options: object) -> list[str]:
        return [*sandbox_arguments(python, **options), *extra]  # type: ignore[arg-type] # as they were given

    monkeypatch.setattr(bubblewrap_start, "sandbox_arguments", leaking)
    leaky = BubblewrapSandbox(find_sandbox_python(os.environ, ROOT))
    with pytest.raises(SandboxUnavailable, match=named.replace("{scratch}", str(tmp_path))):
        show_isolation(leaky, tmp_path)


class Generous:
    """A sandbox that gives every job more than it should have: room, processes. Memory ends there too, only later."""

    reads_artifacts = False

    def __init__(self, sandbox: CodeSandbox) -> None:
        self._sandbox = sandbox

    def check(self) -> None:
        self._sandbox.check()

    def expect(self) -> None:
        self._sandbox.expect()

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        more = SandboxLimits(seconds=2, memory_mb=512, processes=400, file_mb=64)
        return self._sandbox.run(replace(job, limits=more), outputs_to=outputs_to)


def test_limits_that_do_not_hold_are_named(sandbox: CodeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap_run, "FLOOD", 10**9)  # more than the fastest machine prints before its time is up
    with pytest.raises(SandboxUnavailable, match=r"uses up room in /tmp .*uses up output .*uses up processes "):
        show_isolation(Generous(sandbox), tmp_path)
