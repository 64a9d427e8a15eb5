"""What every test may ask for, and how hypothesis and xdist behave here."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.support.components import NEO4J, bubblewrap, firestore_emulator, neo4j_server, pubsub_emulator, storage_emulator
from tests.support.emulated import EMULATED, emulated_cloud

__all__ = ["bubblewrap", "emulated_cloud", "firestore_emulator", "neo4j_server", "pubsub_emulator", "storage_emulator"]

# No deadline per example: the cores are shared, and a slow machine is no bug. CI repeats the same examples in every run.
settings.register_profile("person", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "person")


SERVERS = {"firestore_emulator": "firestore", "pubsub_emulator": "pubsub", "storage_emulator": "storage", "neo4j_server": "neo4j"}
"""The group of the tests that ask for a server: each server costs a start and memory, so all its tests run on one worker."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the component they ask for."""
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        for server in (SERVERS[name] for name in fixtures if name in SERVERS):
            item.add_marker(getattr(pytest.mark, server))
            item.add_marker(pytest.mark.xdist_group(server))
            for mark in NEO4J if server == "neo4j" else ():
                item.add_marker(mark)
        for mark in EMULATED if "emulated_cloud" in fixtures else ():
            item.add_marker(mark)
        if "bubblewrap" in fixtures:
            item.add_marker(pytest.mark.bubblewrap)
