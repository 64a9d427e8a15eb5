"""What every test may ask for, and how hypothesis and xdist behave here."""

from __future__ import annotations

import gc
import os
import signal

import pytest
from hypothesis import settings

from cli.main import GARBAGE_AFTER
from tests.support.components import (
    FIRESTORE,
    NEO4J,
    PUBSUB,
    STORAGE,
    bubblewrap,
    firestore_emulator,
    neo4j_server,
    pubsub_emulator,
    storage_emulator,
)
from tests.support.emulated import EMULATED, emulated_cloud

__all__ = ["bubblewrap", "emulated_cloud", "firestore_emulator", "neo4j_server", "pubsub_emulator", "storage_emulator"]

# No deadline per example: the cores are shared, and a slow machine is no bug. CI repeats the same examples in every run.
settings.register_profile("person", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "person")

# A sandbox that waits for a job that never comes costs two seconds of a core; what starts them ahead has tests of its own.
os.environ["KIMERA_SANDBOXES_AHEAD"] = "0"

# A shell that runs the tests in the background has Ctrl-C ignored, in the commands as well that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# As the command has it: looking for cycles after every 700 objects takes much of the collection and of the tests in this process.
gc.set_threshold(GARBAGE_AFTER, *gc.get_threshold()[1:])


MARKS = {
    "firestore_emulator": FIRESTORE,
    "pubsub_emulator": PUBSUB,
    "storage_emulator": STORAGE,
    "neo4j_server": NEO4J,
    "emulated_cloud": EMULATED,
    "bubblewrap": (pytest.mark.bubblewrap,),
}
"""Of the tests that ask for a component, by its fixture."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by the component they ask for, and keep those together that share what their module makes once.

    Workers take the longest first, so that none is left alone with it in the end: the emulated cloud, then the other groups.
    """
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        for mark in (mark for name in fixtures for mark in MARKS.get(name, ())):
            item.add_marker(mark)
        if shares_with_its_module(item) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    if getattr(config.option, "loadgroup", False):
        items.sort(key=lambda item: (item.get_closest_marker("emulated") is None, item.get_closest_marker("xdist_group") is None))


def pytest_collection_finish() -> None:
    """Leave what is there for good, five thousand tests and all that they import, out of every later look for garbage."""
    gc.collect()
    gc.freeze()


def shares_with_its_module(item: pytest.Item) -> bool:
    """Whether a fixture of it is made once for its whole module: on two workers it would be made twice."""
    if not isinstance(item, pytest.Function):
        return False
    return any(found[-1].scope == "module" for found in item._fixtureinfo.name2fixturedefs.values() if found)
