"""How the tests' adapters call what they stand on: as the platform does, without chance."""

from __future__ import annotations

from collections.abc import Callable

from shared.adapters import firestore_errors, google_errors
from shared.adapters.firestore_documents import FirestoreDocuments
from shared.adapters.google_executions import GoogleExecutions
from shared.adapters.resilience import Fault, Patience, Resilience
from shared.clock import Clock, SystemClock
from shared.executions import WorkflowAddress

USUAL = Patience()


def patient(
    patience: Patience = USUAL, *, clock: Clock | None = None, judge: Callable[[BaseException], Fault] = google_errors.fault
) -> Callable[[str], Resilience]:
    """Makes the way to a dependency."""
    return lambda dependency: Resilience(dependency, judge=judge, clock=clock or SystemClock(), uniform=lambda: 0.5, patience=patience)


def firestore(project: str, *, prefix: str = "", patience: Patience = USUAL, clock: Clock | None = None) -> FirestoreDocuments:
    """The documents of ``project``'s default database."""
    return FirestoreDocuments(project, prefix=prefix, resilience=patient(patience, clock=clock, judge=firestore_errors.fault))


def executions(address: WorkflowAddress, *, patience: Patience = USUAL, clock: Clock | None = None) -> GoogleExecutions:
    """The executions of the workflow at ``address``."""
    return GoogleExecutions(lambda: address, resilience=patient(patience, clock=clock))
