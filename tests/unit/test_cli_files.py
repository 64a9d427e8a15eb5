"""The files of a mission: folders are looked through, names are distinct, the same file counts once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from infra.local.files import collect, empty_of_folders
from shared.errors import BadInput


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_a_folder_is_searched_for_its_kind_and_hidden_files_are_not_seen(tmp_path: Path) -> None:
    put(tmp_path, "d/a.pdf", "d/sub/b.md", "d/c.csv", "d/.git/e.md", "d/~$b.docx", "d/picture.png")
    assert [f.name for f in collect([], [tmp_path / "d"])] == ["a.pdf", "b.md"]
    assert [(f.name, f.kind) for f in collect([tmp_path / "d"], [])] == [("c.csv", "data")]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    put(tmp_path, "x/2023/t.csv", "x/2024/t.csv", "y/2024/t.csv")
    names = [f.name for f in collect([tmp_path / "x" / "2023" / "t.csv", tmp_path / "x" / "2024" / "t.csv", tmp_path / "y"], [])]
    assert names == ["t.csv", "2024_t.csv", "y_2024_t.csv"]


def test_the_same_file_given_twice_is_one_input(tmp_path: Path) -> None:
    put(tmp_path, "t.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "t.csv")
    assert len(collect([tmp_path / "t.csv", tmp_path / "link.csv"], [])) == 1


def test_a_file_that_is_named_may_be_called_anything(tmp_path: Path) -> None:
    put(tmp_path, "export.dat")
    assert collect([tmp_path / "export.dat"], [])[0].name == "export.dat"


def test_a_database_whose_last_changes_stand_beside_it_is_refused_until_it_is_whole(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sales.db")) as writer:
        writer.execute("pragma journal_mode=wal")
        writer.execute("create table sales (amount integer)")
        writer.commit()
        with pytest.raises(BadInput, match=r"sales\.db-wal holds changes"):
            collect([tmp_path / "sales.db"], [])
    assert [f.name for f in collect([tmp_path / "sales.db"], [])] == ["sales.db"]


def test_too_many_files_are_refused_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, *(f"d/{n}.md" for n in range(201)))
    with pytest.raises(BadInput, match="kimera space add"):
        collect([], [tmp_path / "d"])


def test_empty_files_are_left_out_of_folders_and_not_where_they_are_named(tmp_path: Path) -> None:
    put(tmp_path, "d/a.md", "d/b.md", "c.md")
    for name in ("d/b.md", "c.md"):
        (tmp_path / name).write_text("")
    given = [tmp_path / "d", tmp_path / "c.md"]
    assert [f.name for f in empty_of_folders(collect([], given), given)] == ["b.md"]
