"""Buckets of the Cloud Storage emulator for tests: each is new, since a session shares the server."""

from __future__ import annotations

import itertools
import random

import pytest

from infra.local.emulated.storage import StorageEmulator
from shared.adapters.cloud_storage_artifacts import CloudStorageArtifacts
from shared.adapters.cloud_storage_bucket import EMULATOR, PATIENCE, CloudBucket
from shared.adapters.resilience import Patience
from shared.clock import SystemClock

PROJECT = "kimera-tests"
_numbers = itertools.count(1)


def in_new_bucket(
    emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch, *, versioned: bool = False, patience: Patience = PATIENCE
) -> CloudStorageArtifacts:
    """An empty store in a bucket of its own."""
    name = f"kimera-{next(_numbers)}"
    emulator.make_bucket(name, versioned=versioned)
    return at(emulator.url, name, monkeypatch, patience=patience)


def at(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch, *, patience: Patience = PATIENCE, region: str | None = None
) -> CloudStorageArtifacts:
    """A store in the bucket of that name at ``url``."""
    monkeypatch.setenv(EMULATOR, url)
    return CloudStorageArtifacts(
        CloudBucket(name, project=PROJECT, clock=SystemClock(), uniform=random.Random().random, patience=patience, region=region)
    )
