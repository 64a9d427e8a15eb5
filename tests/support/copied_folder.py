"""A data folder with a mission that has ended, and a copy of it for each test that changes what lies there.

A module gives the folder and the mission's id as its fixture ``original``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.platform import Platform
from schemas.mission import MissionStatus
from shared.missions.verifying import Break
from shared.runtime import Runtime
from shared.settings import Settings
from tests.integration.test_platform import request, submit
from tests.support.waiting import until_ended


def ended_mission(folder: Path) -> tuple[Path, str]:
    """A data folder with a mission that has ended, and its id."""
    with Platform(Settings(home=folder / "home"), command="test") as platform:
        mission_id = submit(platform, request(platform, folder))
        assert until_ended(platform, mission_id).status is MissionStatus.DONE
    return folder / "home", mission_id


@pytest.fixture
def mission_id(original: tuple[Path, str]) -> str:
    return original[1]


@pytest.fixture
def runtime(original: tuple[Path, str], tmp_path: Path) -> Iterator[Runtime]:
    """The stores of a copy of that folder."""
    shutil.copytree(original[0], tmp_path / ".kimera")
    runtime = Runtime(Settings(home=tmp_path / ".kimera"))
    yield runtime
    runtime.close()


def breaks(runtime: Runtime, mission_id: str) -> list[tuple[str, int, str]]:
    return [(b.writer, b.n, b.what) for b in found(runtime, mission_id)]


def found(runtime: Runtime, mission_id: str) -> tuple[Break, ...]:
    return runtime.audit.verify(mission_id, runtime.artifacts).breaks
