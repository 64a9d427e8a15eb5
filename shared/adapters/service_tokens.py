"""The identity token with which one service of ours calls another: from the metadata server, or the credentials of the environment."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.endpoints import is_on_this_machine
from shared.errors import Unavailable

if TYPE_CHECKING:
    from google.auth.credentials import Credentials


class ServiceTokens:
    """Authorises calls of the service at the root address ``url``; a token is kept while it is valid. One on this machine gets none.

    The audience is the service's root, as IAM asks for it. Source: "Service-to-service authentication", Cloud Run documentation.
    """

    def __init__(self, url: str) -> None:
        self._audience = url.rstrip("/")
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None

    def headers(self) -> Mapping[str, str]:
        """The header of a call; raises ``Unavailable`` where there are no credentials that give a token."""
        if is_on_this_machine(self._audience):
            return {}
        if not self._audience.startswith("https://"):
            raise Unavailable(f"{self._audience} is not called without TLS.", remedy="Give its https address.")
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.oauth2.id_token import fetch_id_token_credentials

        with self._lock:
            try:
                request = Request()
                if self._credentials is None:
                    self._credentials = fetch_id_token_credentials(self._audience, request=request)  # type: ignore[no-untyped-call] # it has no types
                if not self._credentials.valid:
                    self._credentials.refresh(request)
            except (GoogleAuthError, ValueError) as error:
                raise Unavailable(
                    f"There are no credentials that give an identity token for {self._audience}: {error}",
                    remedy="Give this function a service account; elsewhere, set GOOGLE_APPLICATION_CREDENTIALS to one's file.",
                ) from error
            return {"Authorization": f"Bearer {self._credentials.token}"}
