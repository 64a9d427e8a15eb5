"""What of the host the sandbox's interpreter needs, for an interpreter in a folder of its own and for the system's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.sandbox_python import inspect_python

OLDEST = (3, 11)


def _interpreters() -> list[Path]:
    """The one that runs the tests, and the system's where it is another that would do: Debian's lies in the shared prefix /usr."""
    own, system = Path(sys.base_prefix, "bin", "python3").resolve(), Path("/usr/bin/python3").resolve()
    recent = system.name.startswith("python3.") and tuple(map(int, system.name.removeprefix("python").split("."))) >= OLDEST
    return sorted({own, system} if recent else {own})


@pytest.mark.parametrize("interpreter", _interpreters(), ids=str)
def test_of_an_environment_only_its_packages_are_shown_and_nothing_at_the_place_where_it_lies(interpreter: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([interpreter, "-m", "venv", "--without-pip", environment], check=True)

    found = inspect_python(environment / "bin" / "python")

    assert [path for path in found.system if path.is_relative_to(tmp_path)] == []
    assert found.packages == tuple(environment.glob("lib/python3.*/site-packages"))


def test_a_user_without_a_home_folder_has_a_sandbox_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)

    assert inspect_python(Path(sys.executable)).executable == Path(sys.executable).resolve()
