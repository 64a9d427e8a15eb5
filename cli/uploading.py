"""Handing files and a request to a platform over HTTP."""

from __future__ import annotations

from cli.asking import Prepared
from cli.console import note
from functions.missions.answers import Accepted
from infra.local.api import MissionsApi
from infra.local.files import LocalFile
from shared.documents import Json

LARGE_FILE = 200_000_000
"""From here on the person is told what takes so long."""


def upload_and_submit(api: MissionsApi, prepared: Prepared, *, idempotency_key: str | None = None) -> Accepted:
    """Upload the files, then submit."""
    inputs: list[Json] = []
    for file in prepared.files:
        if file.size >= LARGE_FILE:
            note(f"uploading {file.name} ({file.size / 1e9:.1f} GB)")
        uploaded = api.upload(file.path, file.name)
        inputs.append(as_input(file, uploaded.uri, uploaded.sha256, uploaded.size))
    return api.submit(prepared.body(inputs), idempotency_key=idempotency_key)


def as_input(file: LocalFile, uri: str, sha256: str, size: int) -> dict[str, Json]:
    """The JSON of a ``MissionInput``."""
    return {"uri": uri, "kind": file.kind, "name": file.name, "sha256": sha256, "size": size}
