"""A runtime that is closed closes all that was opened, whatever fails on the way."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.runtime import _CLOSED_IN_ORDER, Runtime
from shared.settings import Settings


def test_what_cannot_be_closed_leaves_nothing_else_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(Settings(home=tmp_path))
    documents, telemetry, missions = runtime.documents, runtime.telemetry, runtime.missions
    closed = []

    def fails() -> None:
        closed.append("telemetry")
        raise Unavailable("The sink is gone.")

    monkeypatch.setattr(telemetry, "close", fails)
    with pytest.raises(Unavailable, match="The sink is gone"):
        runtime.close()
    assert closed == ["telemetry"]
    with pytest.raises(Unavailable, match="closed"):
        missions.get("m_1")
    assert runtime.documents is documents


def test_what_is_closed_is_what_the_runtime_opens() -> None:
    opened = {name for name, value in vars(Runtime).items() if isinstance(value, cached_property)}
    assert set(_CLOSED_IN_ORDER) <= opened
