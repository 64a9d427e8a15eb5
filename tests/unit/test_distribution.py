"""Tests that share a server, or what their module makes once, run on one worker: xdist learns it from the end of a test's id.

Where it does not, nothing fails but the clock: every worker starts every server. Of a run in one process there is nothing to say.
"""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def made_once() -> str:
    return "a mission that was killed at every role, say"


def group(request: pytest.FixtureRequest) -> str:
    """The group in which xdist runs the test that asks; its whole id where it has none."""
    name: str = request.node.nodeid
    return name.rpartition("@")[2]


def distributed(config: pytest.Config) -> bool:
    """Whether this is a worker that was told to keep groups together."""
    return bool(getattr(config.option, "loadgroup", False))


@pytest.mark.xdist_group("told-by-hand")
def test_a_group_reaches_the_workers(request: pytest.FixtureRequest) -> None:
    assert group(request) == "told-by-hand" or not distributed(request.config)


def test_what_shares_a_fixture_of_its_module_is_a_group(request: pytest.FixtureRequest, made_once: str) -> None:
    assert group(request) == "test_distribution" or not distributed(request.config)


def test_what_asks_for_an_emulator_is_in_the_group_of_its_server(request: pytest.FixtureRequest) -> None:
    ids = [item.nodeid for item in request.session.items if "emulated_cloud" in getattr(item, "fixturenames", ())]
    assert all(name.endswith("@emulated") for name in ids) or not distributed(request.config)
