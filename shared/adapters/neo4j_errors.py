"""What Neo4j says, as errors of KIMERA: what happened, on which server and database, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.resilience import Fault
from shared.errors import BadInput, KimeraError, StorageFull, TooLarge, Unavailable

if TYPE_CHECKING:
    from neo4j.exceptions import DriverError, Neo4jError

READ_ONLY = frozenset(
    {
        "Neo.ClientError.Cluster.NotALeader",
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
        "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
        "Neo.TransientError.Cluster.NotALeader",
        "Neo.TransientError.General.ForbiddenOnReadOnlyDatabase",
        "Neo.TransientError.General.WriteOnReadOnlyAccessDatabase",
    }
)
_BROKEN = frozenset(
    {
        "Neo.DatabaseError.Transaction.TransactionCommitFailed",
        "Neo.DatabaseError.Transaction.TransactionLogError",
        "Neo.DatabaseError.Transaction.TransactionStartFailed",
    }
)
"""What a database says whose storage failed. Tried on a disk that filled up: the client never hears that this was the reason."""
_FULL = ("no space left", "disk space", "disk full", "out of disk")


@dataclass(frozen=True, slots=True)
class Place:
    """Which database of which server, and as whom: for messages, so without the password."""

    server: str
    database: str
    user: str

    def __str__(self) -> str:
        return f"Neo4j ({self.server}, database {self.database})"


def judge(error: BaseException) -> Fault:
    """What an error of the driver says about the server."""
    from neo4j.exceptions import DatabaseUnavailable, Neo4jError, ServiceUnavailable, SessionExpired

    match error:
        case DatabaseUnavailable() | ServiceUnavailable() | SessionExpired() | OSError():
            return Fault.OUTAGE
        case Neo4jError() if error.code in _BROKEN:
            return Fault.OUTAGE
        case Neo4jError() if error.is_retryable():
            return Fault.PASSING
        case _:
            return Fault.NONE


@contextmanager
def translating(place: Place) -> Iterator[None]:
    """Errors of the block come out as ours."""
    from neo4j.exceptions import DriverError, Neo4jError

    try:
        yield
    except Neo4jError as error:
        raise _of_server(error, place) from error
    except DriverError as error:
        raise _of_driver(error, place) from error
    except UnicodeEncodeError as error:
        raise BadInput(
            f"A text for {place} holds half of a character at position {error.start}.",
            remedy="Decode it anew, replacing what cannot be read.",
        ) from error
    except OSError as error:
        raise _unreachable(place, str(error)) from error


def _of_driver(error: DriverError, place: Place) -> KimeraError:
    from neo4j.exceptions import ConfigurationError, ConnectionAcquisitionTimeoutError, UnsupportedServerProduct

    said = _first_line(error)
    match error:
        case ConnectionAcquisitionTimeoutError():
            return Unavailable(
                f"{place} has no connection free in time.", remedy="Try again; run fewer missions at once.", retry_after_s=5.0
            )
        case UnsupportedServerProduct():
            return Unavailable(f"{place} is no server this version speaks to: {said}", remedy="Use Neo4j 5.26 or later.")
        case ConfigurationError():
            return Unavailable(f"{place} cannot be used as it is configured: {said}", remedy="Correct KIMERA_NEO4J_URI.")
        case _:
            return _unreachable(place, said)


def _unreachable(place: Place, said: str) -> Unavailable:
    return Unavailable(
        f"{place} cannot be reached: {said}", remedy="Check that it runs, KIMERA_NEO4J_URI, and the network.", retry_after_s=5.0
    )


def _of_server(error: Neo4jError, place: Place) -> KimeraError:
    code, said = error.code or "", _first_line(error)
    if any(sign in str(error).lower() for sign in _FULL):
        return StorageFull(f"{place} has no room left: {said}", remedy="Free or add disk space where its data lies.")
    if code in READ_ONLY:
        return Unavailable(
            f"{place} takes no writes: it is read-only, or a follower.",
            remedy="Use a neo4j:// or neo4j+s:// address, which finds the leader; or make the database writable again.",
        )
    if code in _BROKEN:
        return Unavailable(
            f"{place} cannot keep or read its data any more: {said}",
            remedy="Look at the server's log and at its disk, which may be full; make room, and restart the server.",
        )
    if code.startswith("Neo.ClientError.Security."):
        return _of_security(code, said, place)
    match code:
        case "Neo.ClientError.Database.DatabaseNotFound" | "Neo.ClientError.Database.HomeDatabaseNotFound":
            return Unavailable(f"{place} has no such database.", remedy="Create it, or correct KIMERA_NEO4J_DATABASE.")
        case "Neo.TransientError.General.DatabaseUnavailable" | "Neo.TransientError.Database.DatabaseUnavailable":
            return Unavailable(f"{place} is stopped, or starts: {said}", remedy="Start the database, or try again.", retry_after_s=5.0)
        case _ if "TransactionTimedOut" in code or "LockClientStopped" in code:
            return Unavailable(f"{place} did not finish in time.", remedy="Try again; if it lasts, look at the server's load.")
        case _ if "OutOfMemory" in code or "MemoryLimit" in code:
            return Unavailable(f"{place} has too little memory for this: {said}", remedy="Raise the server's memory, or send less at once.")
        case _ if "TransientError" in code:
            return Unavailable(f"{place} could not do it now: {said}", remedy="Try again.", retry_after_s=1.0)
        case _ if "too large" in said or "exceeds" in said:
            return TooLarge(f"{place} refuses it: {said}", remedy="Give it a shorter name.")
        case _:
            return Unavailable(f"{place} failed ({code}): {said}", remedy="Look at the server's log.")


def _of_security(code: str, said: str, place: Place) -> Unavailable:
    match code.rpartition(".")[2]:
        case "AuthenticationRateLimit":
            return Unavailable(
                f"{place} refuses the user {place.user} for a while: there were too many wrong passwords.",
                remedy="Correct KIMERA_NEO4J_PASSWORD and wait.",
                retry_after_s=10.0,
            )
        case "CredentialsExpired":
            return Unavailable(
                f"{place} wants a new password of {place.user}.", remedy="Change it with ALTER CURRENT USER, and set the new one."
            )
        case "Forbidden":
            return Unavailable(
                f"{place} does not let {place.user} do this: {said}",
                remedy="Grant it the role reader to read, publisher to write, architect to make the indexes at the first start.",
            )
        case _:
            return Unavailable(
                f"{place} refuses the login of {place.user}.",
                remedy="Set KIMERA_NEO4J_USER and KIMERA_NEO4J_PASSWORD, or the password's secret, as the server has them.",
            )


def _first_line(error: Exception) -> str:
    said = str(getattr(error, "message", None) or error).strip()
    return said.splitlines()[0][:300] if said else type(error).__name__
