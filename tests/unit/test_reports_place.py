"""Where a report cannot be written is known before its mission begins, and looking makes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.local.quality.resuming import RunFolder
from infra.local.reports import require_writable
from shared.errors import BadInput

NOBODY = 65_534


@pytest.fixture
def mine() -> Iterator[Path]:
    """A folder of a user for whom permissions hold: for root they do not, so root is nobody meanwhile."""
    user = os.geteuid()
    with TemporaryDirectory() as given:
        os.chown(given, NOBODY if user == 0 else user, -1)
        os.seteuid(NOBODY if user == 0 else user)
        yield Path(given)
        os.seteuid(user)


@pytest.mark.parametrize("below", ["", "new", "new/below"])
def test_a_folder_that_is_closed_or_would_lie_in_one_is_refused(mine: Path, below: str) -> None:
    (mine / "closed").mkdir(mode=0o555)
    with pytest.raises(BadInput, match=rf"you may not write in {mine}/closed\.") as refused:
        require_writable(mine / "closed" / below)
    assert "--out" in refused.value.remedy
    assert [*(mine / "closed").iterdir()] == []


def test_a_folder_that_nobody_may_enter_is_refused(mine: Path) -> None:
    (mine / "hidden").mkdir(mode=0o600)
    with pytest.raises(BadInput, match="you may not write in"):
        require_writable(mine / "hidden" / "new")


def test_a_file_or_a_link_to_nothing_is_no_folder(mine: Path) -> None:
    (mine / "file").write_text("x")
    (mine / "link").symlink_to(mine / "gone")
    for name in ("file", "link"):
        with pytest.raises(BadInput, match=rf"{name} is no folder\."):
            require_writable(mine / name / "below")


def test_what_can_be_made_is_not_made_yet(mine: Path) -> None:
    require_writable(mine / "new" / "below")
    require_writable(mine)
    assert [*mine.iterdir()] == []


def test_a_run_of_a_suite_that_could_not_be_stored_does_not_begin(mine: Path) -> None:
    RunFolder(mine / "run", {"suite": "s"})
    (mine / "run").chmod(0o555)
    with pytest.raises(BadInput, match="you may not write in"):
        RunFolder(mine / "run", {"suite": "s"})
