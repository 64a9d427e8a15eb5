"""Paid jobs in the background: begun in one slice, looked at in later ones, settled once when they end.

Like every paid request a job is SENT, with its ceiling set aside, before it is begun; its name is stored in its journal row right after.
A process that dies in between leaves an UNKNOWN, charged at its bound, and another job needs its own reservation. From then on the row
stays SENT, whatever slices come and go, until the job has ended or is given up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.crash_points import reached
from shared.errors import BudgetRefused, ModelUnavailable
from shared.ledger.ledger import Payer
from shared.models.answers import Answers
from shared.models.calls import CallKey, ModelAnswer, ModelCall, ModelSpec, RenderedPrompt
from shared.models.failures import RequestFailed
from shared.models.guard import withhold_secrets
from shared.models.journal import Journal, Terms
from shared.models.rows import JournalRow, RowState
from shared.queue import Task, TaskQueue
from shared.web.agent import JobGone, JobReport, JobState, JobStatus, ResearchAgent

ROLE = "research_agent"
_AGAIN_S = 10.0


def stop_task(mission_id: str, job: str) -> Task:
    """The task that has a job stopped by the function that holds the provider's key; one name for each job."""
    return Task(name=f"stop-{mission_id}-{job[:200]}", route="deep_research/stop", payload={"mission_id": mission_id, "job": job})


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was begun: the journal row that pays for it, and its name at the provider."""

    row: str
    name: str


class Jobs:
    """The jobs of one mission, as one slice may use them. Without ``terms`` none can be begun: the mission was told to stop."""

    def __init__(
        self,
        agent: Callable[[], ResearchAgent],
        journal: Journal,
        answers: Answers,
        *,
        spec: Callable[[], ModelSpec],
        payer: Payer,
        ready: Callable[[ModelCall], None] = lambda call: None,
        key: CallKey | None = None,
        terms: Terms | None = None,
        secrets: Sequence[str] = (),
        queue: TaskQueue | None = None,
    ) -> None:
        """``queue`` leads to who can stop a job that this process cannot."""
        self._agent = agent
        self._journal = journal
        self._answers = answers
        self._spec = spec
        self._payer = payer
        self._ready = ready
        self._key = key
        self._terms = terms
        self._secrets = secrets
        self._queue = queue

    def begin(self, prompt: RenderedPrompt) -> Job:
        """A job that was begun, by this run of the slice or an earlier one.

        Raises ``NoModelAnswer``, with ``retry_after_s`` where another slice may try again at no cost; ``StaleEpoch``.
        """
        if self._terms is None or self._key is None:
            raise BudgetRefused("The mission was told to stop: no research job is begun any more.")
        model = self._spec()
        call = ModelCall(self._key, model, prompt, "ResearchReport", {}, model.max_output_tokens)
        withhold_secrets(call, self._secrets)
        for known in self._journal.jobs(call.key):
            return Job(known.ref.id, known.job or "")
        self._ready(call)
        row = self._journal.send(call, self._terms)
        if row.state is not RowState.SENT:
            return Job(row.ref.id, row.job or "")
        reached("job.sent")
        name = self._started(call, row)
        reached("job.started")
        self._journal.began(row, name)
        reached("job.stored")
        return Job(row.ref.id, name)

    def _started(self, call: ModelCall, row: JournalRow) -> str:
        try:
            return self._agent().start(call.model.name, call.prompt.system, call.prompt.user)
        except RequestFailed as failed:
            end = self._journal.fail if failed.failure.unpaid else self._journal.lose
            end(row, f"{failed.failure}: {failed.message}", payer=self._payer)
            again = failed.failure.unpaid and failed.failure.transient
            wait = (failed.retry_after_s or _AGAIN_S) if again else None
            raise ModelUnavailable(f"{call.model.label}: {failed.message}", remedy=failed.remedy, retry_after_s=wait) from failed
        except Exception as error:  # a defect: whatever it is, the job may have begun
            self._journal.lose(row, f"{type(error).__name__}: {error}", payer=self._payer)
            raise

    def look(self, row_id: str) -> JobReport | None:
        """What the job has come to, settled; ``None`` while it works. Raises ``RequestFailed`` (``JobGone``) where it cannot be seen."""
        row = self._journal.row(row_id)
        if row.state is not RowState.SENT or row.job is None:
            return self._known(row)
        state = self._agent().state(row.job)
        if state.report.status.works:
            return None
        if state.report.status.waits:
            return self.give_up(row_id, f"it waits: {state.report.status}")
        return self._settled(row, state)

    def give_up(self, row_id: str, why: str) -> JobReport:
        """Cancel the job and settle it: at what it used where the provider says so, else at its bound. Again, it changes nothing."""
        row = self._journal.row(row_id)
        if row.state is not RowState.SENT:
            return self._known(row)
        try:
            state = self._agent().cancel(row.job) if row.job is not None else None
        except RequestFailed as failed:
            why = f"{why}; it could not be cancelled: {failed.message}"
            state = None
            if self._queue is not None and row.job is not None and not isinstance(failed, JobGone):
                self._queue.enqueue(stop_task(row.mission_id, row.job))  # before it is settled: then nobody would look at it again
        if state is None or state.report.status.works or state.usage is None:
            return self._known(self._journal.lose(row, why, payer=self._payer))
        return self._settled(row, state)

    def _settled(self, row: JournalRow, state: JobState) -> JobReport:
        """Store what it came to, then pay: in the order of every answer."""
        found = self._answers.left_behind(row)
        if found is None:
            cost = state.usage.cost_micro_usd(self._spec().price) if state.usage is not None else row.bound_micro_usd
            answer = ModelAnswer(state.report.model_dump_json(), state.usage, row.model.partition(":")[2], cost)
            found = self._answers.put(row, answer), answer
            reached("job.answer_stored")
        stored, answer = found
        return self._known(self._journal.answer(row, answer, stored, payer=self._payer))

    def _known(self, row: JournalRow) -> JobReport:
        """What the journal has of a job that ended."""
        if row.state.has_answer:
            return JobReport.model_validate_json(self._answers.of(row).text)
        return JobReport(status=JobStatus.FAILED, error=row.error or "it was never begun")
