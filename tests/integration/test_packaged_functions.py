"""Each function's archive, unpacked in an empty folder and served by functions-framework: it needs nothing of the checkout."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from functions.manifest import MANIFEST, FunctionRow, row
from infra.packaging.archive import CHECKOUT, build

START_LIMIT_S = 60.0

# An interpreter with the libraries of .venv, but neither its link to the checkout nor any package that is not in the function's lock.
ALONE = """
import re, sys
site, lock = sys.argv[1:3]
sys.path.insert(0, site)
from importlib.metadata import packages_distributions
normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()
locked = {line.partition("==")[0] for line in open(lock) if "==" in line}
refused = {top for top, dists in packages_distributions().items() if not locked & {normal(d) for d in dists}}
class OnlyLocked:
    def find_spec(self, name, path=None, target=None):
        if name in refused:
            raise ModuleNotFoundError(f"{name} is not among the function's requirements", name=name)
sys.meta_path.insert(0, OnlyLocked())
del sys.argv[1:3]
"""
SERVE = ALONE + "from functions_framework._cli import _cli\n_cli()\n"
IMPORT_ALL = (
    ALONE
    + """
import importlib
from pathlib import Path
sys.path.insert(0, ".")
for path in sorted(Path(".").rglob("*.py")):
    parts = path.with_suffix("").parts
    if parts[0] == "main" or not all((Path(*parts[:n]) / "__init__.py").exists() for n in range(1, len(parts))):
        continue
    importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
ours = [m for m in list(sys.modules.values()) if getattr(m, "__name__", "").split(".")[0] in ("schemas", "shared", "functions")]
print(len(ours), all(Path(m.__file__).resolve().is_relative_to(Path.cwd()) for m in ours if m.__file__))
"""
)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


def unpack(function: FunctionRow, folder: Path) -> None:
    archive = build(function, folder.parent / "archives")
    with zipfile.ZipFile(archive.path) as packed:
        packed.extractall(folder)


def site_packages() -> str:
    spec = importlib.util.find_spec("functions_framework")
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parents[1])


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent),
        "KIMERA_HOME": str(folder.parent / "data"),
        "KIMERA_SANDBOX_PYTHON": sys.executable,
    }


@contextmanager
def served(function: FunctionRow, folder: Path) -> Iterator[str]:
    """The function's address while it runs as a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-S", "-c", SERVE, site_packages(), "requirements.txt"]
    command += ["--target", function.entry_point, "--source", "main.py", "--host", "127.0.0.1", "--port", str(port)]
    log = folder.parent / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not listening(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the function did not come up:\n{log.read_text(errors='replace')[-2000:]}", pytrace=False)
            time.sleep(0.05)  # another process starts: there is no clock of ours to inject
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(address: str, method: str, body: object = None) -> tuple[int, dict[str, object]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_lifecycle_looks_after_missions_from_its_archive_alone(unpacked: Path) -> None:
    unpack(row("lifecycle"), unpacked)
    with served(row("lifecycle"), unpacked) as address:
        assert ask(f"{address}/reconcile", "POST", {}) == (200, {"looked_at": 0, "restarted": [], "failed": []})


def test_the_public_api_answers_from_its_archive_alone(unpacked: Path) -> None:
    unpack(row("missions"), unpacked)
    with served(row("missions"), unpacked) as address:
        status, answer = ask(f"{address}/missions", "GET")
    assert (status, answer["missions"]) == (200, [])


@pytest.mark.parametrize("name", ["budget", "deep_research", "ds_star", "fusion"])
def test_a_function_of_the_workflow_answers_from_its_archive_alone(name: str, unpacked: Path) -> None:
    unpack(row(name), unpacked)
    path = {"budget": "gate", "fusion": "fuse"}.get(name, "step")
    with served(row(name), unpacked) as address:
        status, answer = ask(f"{address}/{path}", "POST", {"mission_id": 7})
    assert (status, answer["code"]) == (400, "invalid_fields")


@pytest.mark.parametrize("function", [row for row in MANIFEST if row.is_container], ids=lambda function: function.name)
def test_a_container_starts_without_the_checkout(function: FunctionRow, unpacked: Path) -> None:
    """It shares modules with functions that have more libraries; those that need them are never loaded in it."""
    unpack(function, unpacked)
    code = f"{ALONE}\nsys.path.insert(0, '.')\nimport main\nprint(main.{function.entry_point}.__module__)"
    command = [sys.executable, "-S", "-c", code, site_packages(), "requirements.txt"]
    answer = subprocess.run(command, cwd=unpacked, env=environment(unpacked), capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout.strip()) == (0, function.module), answer.stderr[-2000:]


@pytest.mark.parametrize("function", [row for row in MANIFEST if not row.is_container], ids=lambda function: function.name)
def test_every_packed_module_can_be_imported_without_the_checkout(function: FunctionRow, unpacked: Path) -> None:
    unpack(function, unpacked)
    command = [sys.executable, "-S", "-c", IMPORT_ALL, site_packages(), "requirements.txt"]
    answer = subprocess.run(command, cwd=unpacked, env=environment(unpacked), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    imported, all_from_here = answer.stdout.split()
    assert int(imported) > 20 and all_from_here == "True"
    assert str(CHECKOUT) not in answer.stdout
