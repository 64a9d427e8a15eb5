"""What Firestore says, as errors of KIMERA: what happened, in which database, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.adapters import google_errors
from shared.adapters.contention import Contention
from shared.adapters.resilience import Fault
from shared.errors import AlreadyExists, BadInput, KimeraError, NotFound, PreconditionFailed, TooLarge, Unavailable

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError


def fault(error: BaseException) -> Fault:
    """What an error says about the database. ``ABORTED`` is no reason to send the call again: its transaction has to begin anew."""
    from google.api_core.exceptions import Aborted

    return Fault.NONE if isinstance(error, Aborted) else google_errors.fault(error)


_DENIED = "Grant the account roles/datastore.user, or correct KIMERA_GOOGLE_PROJECT."


@contextmanager
def translating(what: str, database: str) -> Iterator[None]:
    """Errors of the block come out as ours; ``what`` is what it works on. ``ABORTED`` comes out as ``Contention``."""
    from google.api_core.exceptions import Aborted, GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except Aborted as error:
        raise Contention from error
    except GoogleAPICallError as error:
        raise _translated(error, what, database) from error
    except GoogleAuthError as error:
        raise Unavailable(
            f"There are no usable credentials for Firestore ({database}): {error}",
            remedy="Run `gcloud auth application-default login`, or give the service an account.",
        ) from error


def _translated(error: GoogleAPICallError, what: str, database: str) -> KimeraError:
    from google.api_core import exceptions

    said = error.message or type(error).__name__
    match error:
        case exceptions.AlreadyExists():
            return AlreadyExists(f"The document {what} exists already.", remedy="Read it, or choose another id.")
        case exceptions.FailedPrecondition() if "index" in said and "building" in said:
            return Unavailable(
                f"Firestore ({database}) still builds an index for {what}: {said}",
                remedy="Wait until `gcloud firestore indexes composite list` says READY.",
                retry_after_s=30.0,
            )
        case exceptions.FailedPrecondition() if "index" in said:
            return Unavailable(
                f"Firestore ({database}) lacks an index for {what}: {said}", remedy="Deploy the declared indexes, or open that link."
            )
        case exceptions.FailedPrecondition():
            return PreconditionFailed(f"{what} changed since it was read.", remedy="Read it again and decide anew.")
        case exceptions.NotFound() if "database" in said:
            return Unavailable(
                f"Firestore has no database {database}: {said}",
                remedy="Correct KIMERA_GOOGLE_PROJECT or KIMERA_FIRESTORE_DATABASE, or deploy the stack that makes it.",
            )
        case exceptions.NotFound():
            return NotFound(f"Firestore ({database}) has no {what}: {said}", remedy="Check the project and that the database exists.")
        case exceptions.InvalidArgument() if "size" in said or "larger" in said or "longer" in said:
            return TooLarge(f"Firestore ({database}) refuses {what}: {said}", remedy="Store the large part as an artifact.")
        case exceptions.InvalidArgument():
            return BadInput(f"Firestore ({database}) refuses {what}: {said}")
        case exceptions.PermissionDenied() | exceptions.Unauthenticated():
            return Unavailable(f"Firestore ({database}) denies access to {what}: {said}", remedy=_DENIED)
        case exceptions.ResourceExhausted():
            return Unavailable(f"Firestore ({database}) is over its quota: {said}", remedy="Wait, or raise the quota.", retry_after_s=10.0)
        case exceptions.ServiceUnavailable():
            return Unavailable(
                f"Firestore ({database}) cannot be reached for {what}: {said}",
                remedy="Check that it runs, and the network.",
                retry_after_s=5.0,
            )
        case exceptions.DeadlineExceeded():
            return Unavailable(f"Firestore ({database}) did not answer in time for {what}.", remedy="Try again.", retry_after_s=5.0)
        case _:
            return Unavailable(
                f"Firestore ({database}) failed on {what}: {said}", remedy="Try again; if it lasts, look at the service's status."
            )
