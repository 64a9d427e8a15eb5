"""Handing files and a request to a platform over HTTP."""

from __future__ import annotations

import secrets

from cli.asking import Prepared
from cli.console import note
from cli.patience import Patience
from functions.missions.answers import Accepted
from infra.local.api import MissionsApi
from infra.local.files import LocalFile
from shared.clock import Clock, SystemClock
from shared.documents import Json
from shared.errors import Unavailable

LARGE_FILE = 200_000_000
"""From here on the person is told what takes so long."""
_AGAIN_S = 0.5


def upload_and_submit(api: MissionsApi, prepared: Prepared, *, idempotency_key: str | None = None, clock: Clock | None = None) -> Accepted:
    """Upload the files, then submit: again where no answer comes, since the key lets no second mission begin."""
    inputs: list[Json] = []
    for file in prepared.files:
        if file.size >= LARGE_FILE:
            note(f"uploading {file.name} ({file.size / 1e9:.1f} GB)")
        uploaded = api.upload(file.path, file.name)
        inputs.append(as_input(file, uploaded.uri, uploaded.sha256, uploaded.size))
    body = prepared.body(inputs)
    clock = clock or SystemClock()
    if idempotency_key is not None:
        return _submit(api, body, idempotency_key, clock)
    # Of this key the person knows nothing: that an earlier try got through makes the mission no older.
    return _submit(api, body, secrets.token_hex(16), clock).model_copy(update={"created": True})


def _submit(api: MissionsApi, body: dict[str, Json], key: str, clock: Clock) -> Accepted:
    patience = Patience(note, clock)
    try:
        while True:
            try:
                return api.submit(body, idempotency_key=key)
            except Unavailable as error:
                if not error.retryable:
                    raise
                unknown = Unavailable(error.message, remedy=f"{error.remedy} {_unknown(key)}".strip(), place=error.place)
                patience.bear(error, at_the_end=unknown)
            clock.sleep(_AGAIN_S)
    except KeyboardInterrupt:
        note(_unknown(key))
        raise


def _unknown(key: str) -> str:
    """What to do where no answer came: the mission may have been accepted or not."""
    return f"Whether the mission was accepted is not known: with `--idempotency-key {key}`, `kimera submit` gives that very mission."


def as_input(file: LocalFile, uri: str, sha256: str, size: int) -> dict[str, Json]:
    """The JSON of a ``MissionInput``."""
    return {"uri": uri, "kind": file.kind, "name": file.name, "sha256": sha256, "size": size}
