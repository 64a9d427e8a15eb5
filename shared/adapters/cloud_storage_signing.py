"""Who signs links: a key that the credentials hold, else Google's signBlob for the account itself; for an emulator nobody needs to.

Imports Google's libraries: import it where a link is made.
"""

from __future__ import annotations

import functools
import hashlib

from google.auth import iam
from google.auth.credentials import Credentials, Scoped, Signing
from google.auth.transport import Request
from google.auth.transport.requests import Request as Sender
from google.oauth2 import service_account

from shared.errors import Unavailable

_TIMEOUT_S = 20.0
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_SCOPE = "https://www.googleapis.com/auth/iam"
"""What signBlob wants of its caller's token (cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob).
The storage client asks for its own scopes alone, and Cloud Run's metadata server gives what is asked for (google.auth.compute_engine)."""


def signing(credentials: Credentials, request: Request | None = None) -> Signing:
    """What signs as the account of ``credentials``. Raises ``Unavailable`` for a person's, and ``GoogleAuthError``.

    ``request`` sends to Google's identity services.
    """
    if isinstance(credentials, Signing):
        return credentials
    send = request or functools.partial(Sender(), timeout=_TIMEOUT_S)
    email = getattr(credentials, "service_account_email", None)
    if email == "default":  # the metadata server's name for it, until it was asked
        credentials.refresh(send)  # type: ignore[no-untyped-call]  # it has no types
        email = getattr(credentials, "service_account_email", None)
    if not isinstance(email, str) or "@" not in email:
        raise Unavailable(
            "These credentials are no service account's, so nothing can sign a link.",
            remedy="Run as a service account, or: gcloud auth application-default login --impersonate-service-account=ACCOUNT.",
        )
    if isinstance(credentials, Scoped):
        credentials = credentials.with_scopes([_SCOPE])  # type: ignore[no-untyped-call]  # it has no types
    signer = iam.Signer(send, credentials, email)  # type: ignore[no-untyped-call]  # it has no types
    return service_account.Credentials(signer, service_account_email=email, token_uri=_TOKEN_URI)  # type: ignore[no-untyped-call]  # as above


class Unsigned(Signing):
    """For an emulator, which checks no signature."""

    @property
    def signer_email(self) -> str:
        return "nobody@localhost"

    @property
    def signer(self) -> None:
        return None

    def sign_bytes(self, message: bytes) -> bytes:
        return hashlib.sha256(message).digest()
