"""Finds the interpreter that generated code runs in, and what of the host it needs to run.

The sandbox has a virtual environment of its own (``requirements/sandbox.lock``), apart from KIMERA's: generated code never sees
KIMERA's packages.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import SandboxUnavailable

ENVIRONMENT_VARIABLE = "KIMERA_SANDBOX_PYTHON"
REMEDY = "Run `make setup`, which creates .venv-sandbox, or set KIMERA_SANDBOX_PYTHON to an interpreter that has its packages."

_FACTS = """
import json, os, sys, sysconfig
shared = sysconfig.get_config_var("Py_ENABLE_SHARED") and sysconfig.get_config_var("INSTSONAME")
json.dump({
    "version": list(sys.version_info[:2]),
    "executable": os.path.realpath(sys.executable),
    "base": sys.base_prefix,
    "base_exec": sys.base_exec_prefix,
    "stdlib": [sysconfig.get_path(name, vars={"platbase": sys.base_exec_prefix}) for name in ("stdlib", "platstdlib")],
    "packages": [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")],
    "library": os.path.join(sysconfig.get_config_var("LIBDIR") or "", shared) if shared else "",
    "multiarch": sysconfig.get_config_var("MULTIARCH") or "",
}, sys.stdout)
"""
_SHARED_PREFIXES = (Path("/usr"), Path("/usr/local"))


@dataclass(frozen=True, slots=True)
class SandboxPython:
    """An interpreter and the host paths it needs: ``system`` ones are bound where they are, ``packages`` at a neutral place."""

    executable: Path
    system: tuple[Path, ...]
    packages: tuple[Path, ...]
    multiarch: str


def find_sandbox_python(environ: Mapping[str, str], root: Path) -> Path:
    """The interpreter named by ``KIMERA_SANDBOX_PYTHON``, else ``<root>/.venv-sandbox/bin/python``; else ``SandboxUnavailable``."""
    named = environ.get(ENVIRONMENT_VARIABLE, "")
    python = Path(named).expanduser() if named else root / ".venv-sandbox" / "bin" / "python"
    if not python.is_file():
        origin = f" (named by {ENVIRONMENT_VARIABLE})" if named else ""
        raise SandboxUnavailable(f"There is no Python for generated code at {python}{origin}.", remedy=REMEDY)
    return python


def inspect_python(python: Path) -> SandboxPython:
    """Ask the interpreter about itself (on the host: it is ours, no generated code is near it)."""
    try:
        answer = subprocess.run([python, "-I", "-c", _FACTS], capture_output=True, timeout=30, env={}, check=True, stdin=subprocess.DEVNULL)
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SandboxUnavailable(f"The Python for generated code, {python}, does not start ({error}).", remedy=REMEDY) from error
    if tuple(facts["version"]) < (3, 11):
        raise SandboxUnavailable(f"The Python for generated code, {python}, is older than 3.11.", remedy=REMEDY)
    executable = Path(facts["executable"])
    return SandboxPython(
        executable=executable,
        system=_system_paths(executable, facts),
        packages=tuple(dict.fromkeys(Path(path) for path in facts["packages"] if Path(path).is_dir())),
        multiarch=facts["multiarch"],
    )


def _system_paths(executable: Path, facts: dict[str, list[str]]) -> tuple[Path, ...]:
    """Of a shared prefix (``/usr``) only Python's own parts; a prefix of its own (pyenv, uv, conda) is bound whole."""
    paths = [executable]
    for prefix in (str(facts["base"]), str(facts["base_exec"])):
        if Path(prefix) in _SHARED_PREFIXES:
            paths += [Path(path) for path in facts["stdlib"]]
            paths += [Path(str(facts["library"]))] if facts["library"] else []
        elif _is_home(Path(prefix)) or len(Path(prefix).parts) < 3:
            raise SandboxUnavailable(
                f"The Python for generated code is installed in {prefix}: binding that folder would show the sandbox everything in it.",
                remedy="Use a Python with an installation folder of its own, or the system's, and run `make setup` again.",
            )
        else:
            paths.append(Path(prefix))
            paths.append(Path(prefix).resolve())
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if path.exists() and not any(path.is_relative_to(parent) for parent in kept):
            kept.append(path)
    return tuple(kept)


def _is_home(folder: Path) -> bool:
    try:
        return folder == Path.home()
    except RuntimeError:  # the user has none
        return False
