"""The identity token of a call on Google Cloud: who is calling, as IAM has checked.

Cloud Run checks the token against the caller's right to invoke the service, and then hands it on with its signature replaced by a
marker. Only such a token says who is calling, and only where such a front end stands before this process. Source: "Troubleshoot Cloud
Run issues", on the removed signature; "Service-to-service authentication", on the two headers.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import Unauthenticated

CHECKED = "SIGNATURE_REMOVED_BY_GOOGLE"
"""What stands in place of the signature of a token that the front end has checked."""
_REMEDY = "Send 'Authorization: Bearer TOKEN' with an identity token for this service: `gcloud auth print-identity-token` prints yours."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the verified address of a person or a service account."""

    email: str


def behind_front_end() -> bool:
    """Whether Cloud Run (or Cloud Run functions) runs this process: it alone sets ``K_SERVICE``."""
    return "K_SERVICE" in os.environ


def caller_of(headers: Mapping[str, str]) -> Caller:
    """The caller of a request. Raises ``Unauthenticated``.

    Where a request has ``X-Serverless-Authorization``, that is the header the front end has checked; it leaves the other one unread.
    """
    given = {name.lower(): value for name, value in headers.items()}
    scheme, _, token = given.get("x-serverless-authorization", given.get("authorization", "")).partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("This platform wants to know who you are.", remedy=_REMEDY)
    if not (token.endswith("." + CHECKED) and behind_front_end()):
        raise Unauthenticated("Nobody has checked the identity token of this call.", remedy="Deploy the function without public access.")
    claims = _payload(token)
    email = claims.get("email")
    if not isinstance(email, str) or not email or claims.get("email_verified", True) is not True:
        raise Unauthenticated("The identity token does not say whose it is.", remedy="Ask for one that holds the address (claim email).")
    return Caller(email.lower())


def unsigned_token(email: str, audience: str) -> str:
    """A token as the front end hands it on: for the emulated cloud, whose functions only this machine reaches."""
    parts = ({"alg": "RS256", "typ": "JWT"}, {"email": email, "email_verified": True, "aud": audience})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts), CHECKED])


def _payload(token: str) -> Mapping[str, object]:
    try:
        _, payload, _ = token.split(".")
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error) as error:
        raise Unauthenticated("The identity token cannot be read.", remedy=_REMEDY) from error
    if not isinstance(found, dict):
        raise Unauthenticated("The identity token cannot be read.", remedy=_REMEDY)
    return found
