"""The user's Google identity as a bearer token, for a platform that IAM stands before.

The credentials that GOOGLE_APPLICATION_CREDENTIALS names come first, else whoever is signed in to ``gcloud``. Source: "Authenticating
developers, services and end users", Cloud Run documentation.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import subprocess
from collections.abc import Generator

import httpx

from shared.adapters.service_tokens import ServiceTokens
from shared.clock import Clock, SystemClock
from shared.errors import Unauthenticated

_GCLOUD_LIMIT_S = 60
_BEFORE_ITS_END_S = 60
_REMEDY = "Install the Google Cloud SDK and run `gcloud auth login`, or set KIMERA_TOKEN."


class GoogleSignIn(httpx.Auth):
    """Puts a token on each request to ``endpoint``, fetched at the first one and again before it ends."""

    def __init__(self, endpoint: str, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        self._service = ServiceTokens(endpoint) if named else None
        self._token = ""
        self._ends = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Httpx's hook. Raises ``Unauthenticated`` where nobody is signed in."""
        headers = self._service.headers() if self._service else {"Authorization": f"Bearer {self._of_user()}"}
        request.headers.update(headers)
        yield request

    def _of_user(self) -> str:
        if self._clock.now().timestamp() > self._ends - _BEFORE_ITS_END_S:
            self._token = _ask_gcloud()
            self._ends = _end_of(self._token)
        return self._token


def _ask_gcloud() -> str:
    program = shutil.which("gcloud")
    if program is None:
        raise Unauthenticated("This platform wants your Google identity, and gcloud is not installed here.", remedy=_REMEDY)
    try:
        answer = subprocess.run(
            [program, "auth", "print-identity-token"],
            capture_output=True,
            text=True,
            timeout=_GCLOUD_LIMIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unauthenticated("gcloud did not give an identity token in time.", remedy=_REMEDY) from error
    token = answer.stdout.strip()
    if answer.returncode != 0 or not token:
        said = next(iter(answer.stderr.strip().splitlines()), "it gave none")
        raise Unauthenticated(f"gcloud gives no identity token: {said[:300]}", remedy=_REMEDY)
    return token


def _end_of(token: str) -> float:
    """When the token ends, in seconds since the epoch; 0 where it does not say: then it is asked for each time."""
    try:
        payload = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return 0.0
