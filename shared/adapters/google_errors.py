"""What Google's clients raise: what it says about the service, and as errors of KIMERA with the resource and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.resilience import Fault
from shared.errors import BadInput, KimeraError, Unavailable

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError


@dataclass(frozen=True, slots=True)
class GoogleService:
    """A service as messages name it, where it is called, and the role that its callers need."""

    name: str
    endpoint: str
    role: str
    not_found: str = "Check the settings that name it."
    """What to do where the named resource does not exist."""

    def __str__(self) -> str:
        return f"{self.name} at {self.endpoint}"


def fault(error: BaseException) -> Fault:
    """What an error of a Google client says about its service."""
    from google.api_core import exceptions
    from google.auth.exceptions import TransportError

    match error:
        case exceptions.ResourceExhausted() | exceptions.TooManyRequests() | exceptions.Aborted():
            return Fault.PASSING
        case exceptions.ServerError() if not isinstance(error, exceptions.MethodNotImplemented):
            return Fault.OUTAGE  # UNAVAILABLE, INTERNAL, DEADLINE_EXCEEDED, and the HTTP 5xx that say the same
        case exceptions.RetryError() | TransportError() | OSError():  # requests raises its own OSErrors
            return Fault.OUTAGE
        case _:
            return Fault.NONE


@contextmanager
def translating(service: GoogleService, what: str) -> Iterator[None]:
    """Errors of the block come out as ours; ``what`` it does reads as in "cannot {what}"."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPICallError, RetryError) as error:
        raise translated(error, service, what) from error
    except GoogleAuthError as error:
        raise without_credentials(service, error) from error
    except OSError as error:
        raise Unavailable(f"{service} cannot be reached to {what}: {error}", remedy=_REACH_IT, retry_after_s=5.0) from error


def translated(error: GoogleAPICallError | Exception, service: GoogleService, what: str) -> KimeraError:
    """One error of a Google client as ours."""
    from google.api_core import exceptions

    said = str(getattr(error, "message", None) or type(error).__name__)
    match error:
        case exceptions.InvalidArgument() | exceptions.BadRequest():
            return BadInput(f"{service} refuses to {what}: {said}")
        case exceptions.NotFound():
            return Unavailable(f"{service} cannot {what}: {said}", remedy=service.not_found)
        case exceptions.PermissionDenied() | exceptions.Forbidden() | exceptions.Unauthenticated() | exceptions.Unauthorized():
            return Unavailable(f"{service} does not let us {what}: {said}", remedy=f"Grant the account {service.role}.")
        case exceptions.ResourceExhausted() | exceptions.TooManyRequests():
            return Unavailable(f"{service} is over its quota and cannot {what}: {said}", remedy="Wait, or raise it.", retry_after_s=10.0)
        case exceptions.DeadlineExceeded() | exceptions.GatewayTimeout() | exceptions.RetryError():
            return Unavailable(f"{service} did not answer in time to {what}.", remedy="Try again.", retry_after_s=5.0)
        case exceptions.ServiceUnavailable():
            return Unavailable(f"{service} cannot be reached to {what}: {said}", remedy=_REACH_IT, retry_after_s=5.0)
        case _:
            return Unavailable(f"{service} could not {what}: {said}", remedy="Try again; if it lasts, look at the service's status.")


def without_credentials(service: GoogleService, error: Exception) -> Unavailable:
    """For a client that found no identity to call with."""
    return Unavailable(
        f"There are no usable credentials for {service}: {error}",
        remedy="Run `gcloud auth application-default login`, or give the service an account.",
    )


_REACH_IT = "Check that it runs and that the endpoint is right."
