"""What ``kimera serve`` says to whoever watches."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cli.serve import _say


def test_what_nobody_takes_any_more_leaves_no_descriptor_open(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        before = len([*Path("/proc/self/fd").iterdir()])
        _say("KIMERA is at http://127.0.0.1:1")
        assert len([*Path("/proc/self/fd").iterdir()]) == before
        assert Path(f"/proc/self/fd/{write}").readlink() == Path(os.devnull)
