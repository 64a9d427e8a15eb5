"""Where settings are read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.settings import setting_files


def test_the_current_folders_file_is_stronger_than_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")

    assert setting_files() == [Path("/home/ann/.config/kimera/kimera.toml"), Path("kimera.toml")]


def test_a_user_without_a_home_folder_has_the_current_folders_file_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", _unknown)

    assert setting_files() == [Path("kimera.toml")]


def _unknown(number: int) -> None:
    """What the user database says of a number that has no entry, as in a container that was started with one."""
    raise KeyError(f"getpwuid(): uid not found: {number}")
