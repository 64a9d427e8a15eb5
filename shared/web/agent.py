"""``ResearchAgent``: a remote agent that researches in the background for up to an hour, and what is known of its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from schemas.base import Contract
from shared.models.calls import CallUsage
from shared.models.failures import Failure, RequestFailed


class JobStatus(StrEnum):
    """Where a job stands, in the words of the Interactions API."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CONTINUATION = "requires_continuation"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    BUDGET_EXCEEDED = "budget_exceeded"

    @property
    def works(self) -> bool:
        """Whether it goes on by itself."""
        return self in (JobStatus.QUEUED, JobStatus.IN_PROGRESS)

    @property
    def waits(self) -> bool:
        """Whether it waits for something that nobody will give it: it is cancelled then."""
        return self in (JobStatus.REQUIRES_ACTION, JobStatus.REQUIRES_CONTINUATION)


class ReportCitation(Contract):
    """A stretch of a report (code points, end exclusive) that the agent attributes to a page."""

    start: int
    end: int
    url: str
    title: str = ""


class JobReport(Contract):
    """What a job has come to. ``text`` may be there without ``completed``: what it had until then."""

    status: JobStatus
    text: str = ""
    citations: tuple[ReportCitation, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """A look at a job. ``usage`` is ``None`` where the provider says none: unknown, not 0."""

    report: JobReport
    usage: CallUsage | None = None


class JobGone(RequestFailed):
    """The provider does not know the job. It may say so of one that it knows a moment later."""

    def __init__(self, message: str) -> None:
        super().__init__(Failure.LOST, message)


class ResearchAgent(Protocol):
    """Begins jobs and looks at them. Every method raises ``RequestFailed``, and retries nothing."""

    def start(self, agent: str, instructions: str, question: str) -> str:
        """Begin a job in the background; its id."""
        ...

    def state(self, job: str) -> JobState:
        """Where it stands. Raises ``JobGone`` for one that is not known."""
        ...

    def cancel(self, job: str) -> JobState:
        """Stop it; where it stands then."""
        ...
