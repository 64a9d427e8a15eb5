"""The components that tests run against: found and working, or said to be missing."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.components import FirestoreEmulator, missing


def test_a_missing_component_skips_on_a_persons_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="a teapot is missing on this machine: buy one"):
        missing("a teapot", "buy one")


def test_a_missing_component_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="a teapot is missing"):
        missing("a teapot", "buy one")


def test_the_firestore_emulator_keeps_a_document_until_it_is_cleared(firestore_emulator: FirestoreEmulator) -> None:
    document = f"http://{firestore_emulator.host}/v1/projects/components/databases/(default)/documents/teapots/one"
    with urllib.request.urlopen(urllib.request.Request(document, data=b'{"fields": {}}', method="PATCH")) as answer:
        assert answer.status == 200

    firestore_emulator.clear("components")

    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(document)


def test_bubblewrap_runs_a_command_without_a_network(bubblewrap: Path) -> None:
    devices = subprocess.run(
        [bubblewrap, "--unshare-all", "--ro-bind", "/", "/", "cat", "/proc/net/dev"], capture_output=True, text=True, check=True
    ).stdout
    assert "eth" not in devices
