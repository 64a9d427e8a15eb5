"""The locked package sets: complete, hashed, consistent with each other, and free of addresses (decision 0004)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.lock"))
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(source: Path) -> set[str]:
    """The names in an ``.in`` file and in those it includes."""
    names: set[str] = set()
    for line in source.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("-r "):
            names |= asked_for(source.parent / line.removeprefix("-r "))
        elif line:
            names.add(normalised(re.split(r"[^A-Za-z0-9_.-]", line)[0]))
    return names


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_holds_all_that_its_source_asks_for(lock: Path) -> None:
    locked = {name for name, _ in PIN.findall(lock.read_text())}
    assert asked_for(lock.with_suffix(".in")) - locked == set(), "run scripts/lock"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_is_names_versions_and_hashes_only(lock: Path) -> None:
    for line in lock.read_text().splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9-]+==[\w.]+( ; [^/:]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line


def test_a_package_has_one_version_in_all_sets() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in PIN.findall(lock.read_text()):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_sandbox_service_is_installed_without_any_client() -> None:
    names = {name for name, _ in PIN.findall((REQUIREMENTS / "supervisor.lock").read_text())}
    assert "functions-framework" in names
    assert [name for name in names if re.search(r"google|grpc|httpx|requests|urllib3|openai|neo4j|proto", name)] == []


def test_every_source_has_its_lock() -> None:
    assert {lock.stem for lock in LOCKS} == {source.stem for source in REQUIREMENTS.glob("*.in")}
