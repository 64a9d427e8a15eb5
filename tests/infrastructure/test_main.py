"""The program as Pulumi starts it: the folder is run, its own path first, with the stack's configuration."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pulumi
import pytest
import yaml

from functions.manifest import MANIFEST
from infra.pulumi.components.intake import subscription_of
from infra.pulumi.configuration import read_settings
from tests.infrastructure.declared import NUMBER, SMALL, Stack, run

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, dict[str, object]] = {"gcp:organizations/getProject:getProject": {"number": NUMBER, "projectId": "acme-missions"}}


def started(config: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Everything the program registered."""
    described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    folder = ROOT / described["main"]
    monkeypatch.setattr(sys, "path", [str(folder), *(place for place in sys.path if Path(place or ".").resolve() != ROOT)])
    monkeypatch.chdir(folder)

    def program() -> dict[str, object]:
        pulumi.runtime.set_all_config(config)
        runpy.run_path(str(folder), run_name="__main__")
        return {}

    return run(program, read_settings(SMALL), MANIFEST, PROJECT)


def test_the_folder_is_a_program_that_declares_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = started(dict(SMALL), monkeypatch)
    assert len(stack.of("Function")) == sum(not row.is_container for row in MANIFEST)
    for source in stack.of("BucketObject"):
        asset = source.inputs["source"]
        assert isinstance(asset, pulumi.FileAsset)
        with zipfile.ZipFile(asset.path) as archive:
            assert "main.py" in archive.namelist()


def test_a_mistake_in_the_configuration_is_said_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pulumi.RunError, match="kimera:size is 'huge'"):
        started({**SMALL, "kimera:size": "huge"}, monkeypatch)


def test_the_environment_it_runs_in_is_the_one_that_is_made_for_it() -> None:
    described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert described["runtime"]["options"]["virtualenv"] == ".venv-infrastructure"
    assert (ROOT / described["main"] / "__main__.py").exists()


def test_pulumi_gets_from_the_environment_the_packages_whose_plugins_it_needs() -> None:
    asked = [str(ROOT / ".venv-infrastructure" / "bin" / "python"), "-m", "pip", "list", "--format", "json"]  # as its language host does
    told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
    assert {"pulumi", "pulumi-gcp"} <= {package["name"].replace("_", "-") for package in json.loads(told)}


def test_a_trigger_that_has_told_no_subscription_yet_is_warned_of_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi, "warn", warned.append)
    assert subscription_of(None, "kimera-intake") == ""
    assert "kimera-intake" in warned[0] and "pulumi refresh" in warned[0]
