"""Every error that KIMERA raises on purpose, in one tree.

KimeraError                     code, HTTP status, what happened, what to do
├── BadInput                    the caller's mistake                              400, exit 2
│   ├── InputUnreadable         a data file or document that cannot be read       422
│   ├── NotUnderstood           a question that no reading fits                   422
│   ├── TooLarge                over a stated limit                               413
│   ├── MalformedRequest        bytes that are no HTTP request                    400
│   ├── MethodNotAllowed        the address is known, not with this method        405
│   ├── LengthRequired          a body is expected, and none was announced        411
│   ├── UriTooLong              the request line is over its limit                414
│   ├── UnsupportedMediaType    a body of another kind than is read               415
│   ├── HeadersTooLarge         the headers are over their limit                  431
│   ├── NotImplementedHere      a part of HTTP that is not spoken here            501
│   └── UnsupportedVersion      another HTTP than 1.0 and 1.1                     505
├── Unauthenticated             who is calling is not known                       401, exit 2
├── Forbidden                   a caller that may not reach this platform         403, exit 2
├── NotFound                    no such mission, document, artifact               404, exit 2
├── Conflict                    what is asked contradicts what is stored          409, exit 2
│   ├── AlreadyExists           create or put-if-absent met an existing one
│   ├── PreconditionFailed      the document changed since it was read
│   ├── StaleEpoch              a newer execution owns the mission: never retried
│   ├── IdempotencyMismatch     the same key with another body
│   ├── JournalMismatch         a model call's key is known with another request  exit 1
│   └── IllegalTransition       the state machine has no such arrow               exit 1
├── Busy                        somebody else holds the lease: come back later    503
├── Unavailable                 a dependency is down or missing                   503, exit 3
│   ├── SandboxUnavailable      bubblewrap is missing or does not work            501
│   ├── SecretMissing           no key or password of that name
│   ├── SecretExpired           its version is disabled or destroyed
│   ├── SecretForbidden         our account may not read it
│   ├── StorageFull             no room on the disk
│   └── DataFolderInUse         another platform runs on this data folder
├── PageNotFetched              a web page that cannot be had                     502
│   └── AddressRefused          an address that this platform does not call       403
├── MissionFailed               a mission that was measured did not end DONE      500
├── Corrupt                     stored bytes do not match what was recorded       500
└── NoModelAnswer               the step goes on without a model (extractive)     502
    ├── BudgetRefused           no money left, or a price unknown                 402, exit 2
    │   └── DayBudgetRefused    the day's cap is what is used up
    ├── ModelUnavailable        the provider is down, or refuses                  503
    │   └── ModelCircuitOpen    it failed so often that it is not asked for a while
    ├── OutOfTime               the mission's time is up                          504
    ├── ToldToStop              the mission was cancelled: nothing more is asked  409
    ├── RequestWithheld         the request holds a secret, or is too large, and was not sent  422
    └── AnswerRejected          nothing that the model answered fits              502

The message says what happened and to what; ``remedy`` says what to do about it. Neither ever holds a secret, and what stores raise holds no
path and no key: reports and answers repeat it. ``place`` is where it happened, for the log and for who sits at the machine.
"""

from __future__ import annotations

from typing import ClassVar


class KimeraError(Exception):
    """An error with a stable ``code``, an HTTP ``status`` and a ``remedy`` for the person who meets it."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str = "", retry_after_s: float | None = None, place: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        self.place = place

    @property
    def remedy_here(self) -> str:
        """The remedy for who sits at the machine, with the place."""
        return f"{self.remedy} It is {self.place}.".strip() if self.place else self.remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class BadInput(KimeraError):
    """What the caller sent cannot be accepted as it is."""

    code = "bad_input"
    status = 400
    exit_code = 2


class InputUnreadable(BadInput):
    """A data file or document that cannot be read, with the file named in the message."""

    code = "input_unreadable"
    status = 422


class NotUnderstood(BadInput):
    """A question that no reading fits: nothing is guessed."""

    code = "not_understood"
    status = 422


class TooLarge(BadInput):
    """Something over a stated limit."""

    code = "too_large"
    status = 413


class MalformedRequest(BadInput):
    """Bytes that cannot be read as an HTTP request."""

    code = "malformed_request"


class MethodNotAllowed(BadInput):
    """There is such an address, but not with this method; ``allowed`` are those it knows."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, message: str, *, remedy: str = "", allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.allowed = allowed


class LengthRequired(BadInput):
    """A body is expected, and the request announces none."""

    code = "length_required"
    status = 411


class UriTooLong(BadInput):
    """The request's first line is over its limit."""

    code = "uri_too_long"
    status = 414


class UnsupportedMediaType(BadInput):
    """The body is of another kind than is read there."""

    code = "unsupported_media_type"
    status = 415


class HeadersTooLarge(BadInput):
    """The request's headers are over their limit."""

    code = "headers_too_large"
    status = 431


class NotImplementedHere(BadInput):
    """A part of HTTP that is not spoken here."""

    code = "not_implemented"
    status = 501


class UnsupportedVersion(BadInput):
    """A version of HTTP that is not spoken here."""

    code = "http_version_not_supported"
    status = 505


class Unauthenticated(KimeraError):
    """The caller did not say who it is, or not convincingly."""

    code = "unauthenticated"
    status = 401
    exit_code = 2


class Forbidden(KimeraError):
    """The caller may not reach this platform at all."""

    code = "forbidden"
    status = 403
    exit_code = 2


class NotFound(KimeraError):
    """No such thing, or not one that this caller may see: both read the same."""

    code = "not_found"
    status = 404
    exit_code = 2


class Conflict(KimeraError):
    """The request contradicts what is stored."""

    code = "conflict"
    status = 409
    exit_code = 2


class AlreadyExists(Conflict):
    """A create or a put-if-absent met something that is there already."""

    code = "already_exists"


class PreconditionFailed(Conflict):
    """The document changed since it was read: read it again and decide anew."""

    code = "precondition_failed"


class StaleEpoch(Conflict):
    """A newer execution owns the mission. The caller stops; it never retries."""

    code = "stale_epoch"


class IdempotencyMismatch(Conflict):
    """The same idempotency key arrived with another body."""

    code = "idempotency_mismatch"


class JournalMismatch(Conflict):
    """A model call's key is known with another request: a defect of its role, never a reason to guess."""

    code = "journal_mismatch"
    exit_code = 1


class IllegalTransition(Conflict):
    """The state machine has no arrow between these two states."""

    code = "illegal_transition"
    exit_code = 1


class Busy(KimeraError):
    """Somebody else holds the lease; ``retry_after_s`` says when to ask again."""

    code = "busy"
    status = 503
    retryable = True


class Unavailable(KimeraError):
    """A dependency is down, slow or not installed; the message names it."""

    code = "unavailable"
    status = 503
    exit_code = 3
    retryable = True


class SandboxUnavailable(Unavailable):
    """Generated code cannot be isolated on this machine, so it is not run. Waiting does not help, so the status is not a transient one."""

    code = "sandbox_unavailable"
    status = 501
    retryable = False


class SecretMissing(Unavailable):
    """There is no secret of that name, or it was never given a value."""

    code = "secret_missing"
    retryable = False


class SecretExpired(Unavailable):
    """The secret's version was disabled or destroyed."""

    code = "secret_expired"
    retryable = False


class SecretForbidden(Unavailable):
    """Our account may not read the secret."""

    code = "secret_forbidden"
    retryable = False


class StorageFull(Unavailable):
    """There is no room left where the data lives."""

    code = "storage_full"


class DataFolderInUse(Unavailable):
    """Another platform holds the lock of this data folder."""

    code = "data_folder_in_use"
    retryable = False


class PageNotFetched(KimeraError):
    """A web page that cannot be had: its server refuses, is not there, is too slow, or sends what is not read. The others go on."""

    code = "page_not_fetched"
    status = 502


class AddressRefused(PageNotFetched):
    """An address that this platform does not call on behalf of others: not public, or no plain http or https."""

    code = "address_refused"
    status = 403


class MissionFailed(KimeraError):
    """A mission that was measured did not end DONE, so its figures mean nothing."""

    code = "mission_failed"


class Corrupt(KimeraError):
    """Stored bytes do not match what was recorded about them."""

    code = "corrupt"


class NoModelAnswer(KimeraError):
    """No answer of a model will come for this step: it is done without one, and the report says so."""

    code = "no_model_answer"
    status = 502


class BudgetRefused(NoModelAnswer):
    """A paid call would pass a cap, or has no known price."""

    code = "budget_refused"
    status = 402
    exit_code = 2


class DayBudgetRefused(BudgetRefused):
    """A paid call would pass the day's cap, which all missions share: its mission may have money left."""

    code = "day_budget_refused"


class ModelUnavailable(NoModelAnswer):
    """The provider cannot be reached, or refuses (a key, a model's name)."""

    code = "model_unavailable"
    status = 503


class ModelCircuitOpen(ModelUnavailable):
    """The provider failed so often in a row that it is not asked for a while: nothing was sent."""

    code = "circuit_open"


class OutOfTime(NoModelAnswer):
    """The mission's last deadline has passed: nothing more is asked, and an answer that is under way is not waited for."""

    code = "out_of_time"
    status = 504


class ToldToStop(NoModelAnswer):
    """Somebody asked the mission to stop: what is under way is waited for, and nothing more is asked."""

    code = "told_to_stop"
    status = 409


class RequestWithheld(NoModelAnswer):
    """A request that may not leave: it holds a secret of this installation, or it is too large."""

    code = "request_withheld"
    status = 422


class AnswerRejected(NoModelAnswer):
    """The model answered, but nothing that fits what was asked for."""

    code = "answer_rejected"
