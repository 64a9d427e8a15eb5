"""What a killed slice of a deleted mission has left is found and removed; nothing of any other mission is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from shared.missions.left_behind import remove_left_behind
from shared.missions.records import mission_ref
from tests.support.house import House


@pytest.fixture(params=[False, True], ids=["files", "packed"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    with closing(House(tmp_path, packed=request.param)) as house:
        yield house


def test_what_deleted_missions_left_is_removed_once_they_are_a_day_old(house: House) -> None:
    deleted, damaged, kept = (house.claimed()[0] for _ in range(3))
    for mission_id in (deleted, damaged, kept, "m_of_nobody"):
        for size in (10, 100_000):
            house.artifacts.put(f"missions/{mission_id}/deep_research/1/{size}.bin", b"0" * size)
    house.documents.delete(mission_ref(deleted))
    house.documents.put(mission_ref(damaged), {"owner": "ann"})

    def removed() -> tuple[int, int]:
        found = remove_left_behind(house.documents, house.artifacts, house.clock.now())
        return found.files, found.size

    assert removed() == (0, 0)
    house.clock.advance(timedelta(days=1).total_seconds())
    assert removed() == (2, 100_010)
    assert {artifact.key.split("/")[1] for artifact in house.artifacts.list("missions/")} == {damaged, kept, "m_of_nobody"}
    assert removed() == (0, 0)
