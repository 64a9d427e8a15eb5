"""What is particular to artifacts in a folder: damage, leftovers, rights."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from shared.adapters.folder_artifacts import STALE_AFTER_S, FolderArtifacts
from shared.artifacts import SCHEME
from shared.errors import AlreadyExists, Corrupt
from tests.support.clock import START, FrozenClock

URI = f"{SCHEME}a/report.md"


def stored_file(root: Path) -> Path:
    return root / "objects/a/report.md@/report.md"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    FolderArtifacts(tmp_path).put("a/report.md", b"text")
    return tmp_path


@pytest.mark.parametrize("damage", [b"tex!", b"tex", b"text!", b""])
def test_changed_bytes_are_noticed_by_every_reader(root: Path, damage: bytes) -> None:
    stored_file(root).chmod(0o644)
    stored_file(root).write_bytes(damage)
    store = FolderArtifacts(root)
    for read in (store.get, lambda uri: store.local_copy(uri, root)):
        with pytest.raises(Corrupt, match=r"'report\.md'") as damaged:
            read(URI)
        assert str(root) not in str(damaged.value) and damaged.value.place == str(stored_file(root)), "reports repeat what an error says"


@pytest.mark.parametrize("damage", [b"tex!", b"tex", None])
def test_the_same_bytes_put_again_mend_what_was_damaged_and_others_do_not(root: Path, damage: bytes | None) -> None:
    stored_file(root).unlink()
    if damage is not None:
        stored_file(root).write_bytes(damage)
    store = FolderArtifacts(root)
    with pytest.raises(AlreadyExists):
        store.put("a/report.md", b"other")
    with pytest.raises(Corrupt):
        store.get(URI)
    store.put("a/report.md", b"text")
    assert store.get(URI) == b"text"
    assert list((root / "tmp").iterdir()) == []


def test_missing_bytes_are_noticed(root: Path) -> None:
    stored_file(root).unlink()
    with pytest.raises(Corrupt):
        FolderArtifacts(root).get(URI)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"sha256": 1}'])
def test_a_damaged_description_is_noticed(root: Path, damage: bytes) -> None:
    description = stored_file(root).with_name("@")
    description.chmod(0o644)
    description.write_bytes(damage)
    with pytest.raises(Corrupt):
        FolderArtifacts(root).stat(URI)


def test_what_a_killed_put_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    FolderArtifacts(tmp_path)
    for name, age in (("old", STALE_AFTER_S + 1), ("young", STALE_AFTER_S - 1), ("still-written", STALE_AFTER_S + 1)):
        folder = tmp_path / "tmp" / name
        folder.mkdir()
        (folder / "report.md").write_bytes(b"te")
        written = START.timestamp() - age
        os.utime(folder / "report.md", (written, START.timestamp() if name == "still-written" else written))
        os.utime(folder, (written, written))
    FolderArtifacts(tmp_path, clock=FrozenClock())
    assert sorted(path.name for path in (tmp_path / "tmp").iterdir()) == ["still-written", "young"]


def test_a_put_leaves_nothing_but_the_artifact(root: Path) -> None:
    store = FolderArtifacts(root)
    store.put("a/report.md", b"text")
    store.delete_prefix("a/")
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == ["objects", "tmp"]


def test_the_digest_is_of_what_lies_there_whatever_is_recorded_of_it(root: Path) -> None:
    stored_file(root).chmod(0o644)
    stored_file(root).write_bytes(b"forged")
    assert FolderArtifacts(root).digest(URI) == hashlib.sha256(b"forged").hexdigest()
    stored_file(root).unlink()
    with pytest.raises(Corrupt, match=r"report\.md"):
        FolderArtifacts(root).digest(URI)
