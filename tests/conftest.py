"""What every test may ask for, and how hypothesis and xdist behave here."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.support.components import bubblewrap, firestore_emulator

__all__ = ["bubblewrap", "firestore_emulator"]

# No deadline per example: the cores are shared, and a slow machine is no bug. CI repeats the same examples in every run.
settings.register_profile("person", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "person")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the component they ask for, and keep those of the emulator on one worker: it takes 270 MB and 3 s to start."""
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        if "firestore_emulator" in fixtures:
            item.add_marker(pytest.mark.firestore)
            item.add_marker(pytest.mark.xdist_group("firestore"))
        if "bubblewrap" in fixtures:
            item.add_marker(pytest.mark.bubblewrap)
