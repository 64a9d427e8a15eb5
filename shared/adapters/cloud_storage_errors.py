"""What Cloud Storage's client raises: what it says about the service, and as errors of KIMERA with the bucket and the remedy.

The client's own messages are not passed on: they hold the address of an upload, and whoever has that can write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters import google_errors
from shared.adapters.resilience import Fault
from shared.errors import BadInput, Conflict, Corrupt, KimeraError, Unavailable

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_NEEDED = {
    "storage.buckets.get": "roles/storage.bucketViewer",
    "storage.objects.list": "roles/storage.objectViewer",
    "storage.objects.get": "roles/storage.objectViewer",
    "storage.objects.create": "roles/storage.objectCreator",
    "storage.objects.delete": "roles/storage.objectUser",
}
"""The narrowest role that has the permission (cloud.google.com/storage/docs/access-control/iam-roles)."""
_ALL = "roles/storage.objectUser"
_REQUEST_TIMEOUT = 408
_CONFLICT = 409


class SessionLost(Exception):
    """A resumable upload that the service does not know any more: it begins anew."""


def fault(error: BaseException) -> Fault:
    """What an error of the client says about the service."""
    from google.cloud.storage.exceptions import DataCorruption
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    match error:
        case SessionLost() | DataCorruption():
            return Fault.PASSING
        case RequestException() | HTTPError():
            return Fault.OUTAGE
        case _ if getattr(error, "code", None) in (_REQUEST_TIMEOUT, _CONFLICT):
            return Fault.PASSING
        case _:
            return google_errors.fault(error)


def translated(error: Exception, bucket: str, what: str, account: str) -> KimeraError | None:
    """The error as ours, or ``None`` where it is not of the client. ``what`` reads as in "cannot {what}"."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption
    from requests.exceptions import RequestException, Timeout
    from urllib3.exceptions import HTTPError

    match error:
        case DataCorruption():
            return Corrupt(f"{bucket} could not {what}: the bytes were damaged on their way.", remedy="Try again.")
        case GoogleAPICallError():
            return _of_service(error, bucket, what, account)
        case GoogleAuthError():
            return without_credentials(bucket, error)
        case SessionLost():
            return Unavailable(f"{bucket} lost what it had been sent to {what}.", remedy="Try again.", retry_after_s=5.0)
        case Timeout() | TimeoutError():
            return Unavailable(f"{bucket} did not answer in time to {what}.", remedy="Try again.", retry_after_s=5.0)
        case RequestException() | HTTPError() | ConnectionError():
            return Unavailable(f"{bucket} cannot be reached to {what}.", remedy="Check the network and that it runs.", retry_after_s=5.0)
        case _:
            return None


def without_credentials(bucket: str, error: Exception) -> Unavailable:
    """For a client without an identity to call with."""
    return Unavailable(
        f"There are no usable credentials for {bucket} ({type(error).__name__}).",
        remedy="Run `gcloud auth application-default login`, or give the service an account.",
    )


def no_bucket(bucket: str) -> Unavailable:
    """For a bucket that does not exist."""
    return Unavailable(
        f"{bucket} does not exist.", remedy="Create it (`pulumi up` does), or correct the setting that names it and the project."
    )


def said(error: GoogleAPICallError) -> str:
    """What the service itself says, without the addresses that the client adds."""
    response = getattr(error, "response", None)
    try:
        message = response.json()["error"]["message"] if response is not None else error.message
    except (ValueError, KeyError, TypeError):
        message = str(getattr(response, "reason", "") or type(error).__name__)
    return str(message).strip()[:300]


def _of_service(error: GoogleAPICallError, bucket: str, what: str, account: str) -> KimeraError:
    from google.api_core import exceptions

    text = said(error)
    match error:
        case exceptions.NotFound():
            return no_bucket(bucket)
        case exceptions.Unauthorized():
            return Unavailable(f"{bucket} does not know who asks to {what}: {text}", remedy="Give the service an account that exists.")
        case exceptions.Forbidden() if "retention" in text.lower() or " hold" in text.lower():
            return Conflict(f"{bucket} keeps what it has and does not {what}: {text}", remedy="Wait until its retention is over.")
        case exceptions.Forbidden() if "billing" in text.lower():
            return Unavailable(f"{bucket} does not {what}: {text}", remedy="Enable billing for the project that it belongs to.")
        case exceptions.Forbidden() if "serviceusage" in text or "userProject" in text:
            return Unavailable(f"{bucket} does not {what}: {text}", remedy="Set KIMERA_GOOGLE_PROJECT to the project of this installation.")
        case exceptions.Forbidden():
            return Unavailable(
                f"{bucket} does not let {account} {what}: {text}",
                remedy=f"Grant it {_role(text)} on the bucket; if the bucket is another project's, correct the setting that names it.",
            )
        case exceptions.TooManyRequests():
            return Unavailable(f"{bucket} is over its quota and does not {what}: {text}", remedy="Wait, or raise it.", retry_after_s=10.0)
        case exceptions.BadRequest():
            return BadInput(f"{bucket} refuses to {what}: {text}")
        case exceptions.ServerError():
            return Unavailable(
                f"{bucket} could not {what} ({error.code}): {text}",
                remedy="Try again; if it lasts, look at the service's status.",
                retry_after_s=5.0,
            )
        case _:
            return Unavailable(f"{bucket} could not {what} ({error.code}): {text}", remedy="Try again.", retry_after_s=5.0)


def _role(text: str) -> str:
    return next((role for permission, role in _NEEDED.items() if permission in text), _ALL)
