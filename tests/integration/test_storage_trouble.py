"""No room, no right to write: real file systems, made by bubblewrap, so that no rights are needed to run this."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments

ROOT = Path(__file__).parents[2]


def run(bubblewrap: Path, trouble: str, folder: Path, *mount: str) -> None:
    command = [
        str(bubblewrap),
        "--dev-bind",
        "/",
        "/",
        "--die-with-parent",
        *mount,
        sys.executable,
        "-m",
        "tests.support.storage_trouble",
        trouble,
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("trouble", ["full-documents", "full-artifacts"])
def test_a_full_disk_is_said_loses_nothing_and_passes(bubblewrap: Path, tmp_path: Path, trouble: str) -> None:
    run(bubblewrap, trouble, tmp_path, "--size", str(4 << 20), "--tmpfs", str(tmp_path))


def test_a_folder_without_the_right_to_write_is_said(bubblewrap: Path, tmp_path: Path) -> None:
    SqliteDocuments(tmp_path / "documents.db").close()
    FolderArtifacts(tmp_path)
    run(bubblewrap, "read-only", tmp_path, "--ro-bind", str(tmp_path), str(tmp_path))
