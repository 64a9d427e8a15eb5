"""The link that pays: money is set aside before a request is sent, and settled together with its answer (invariants 3 and 4).

Each physical request has a row of its own. Wherever the process dies, its row says so: SENT is charged at its bound when the slice
is run again (``orphans``), unless the answer had been stored already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.crash_points import reached
from shared.errors import BadInput, ModelUnavailable
from shared.models.answers import Answers
from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.models.failures import RequestFailed
from shared.models.journal import Journal, Terms
from shared.models.rows import JournalRow, RowState


class Pay:
    """A ``Sender`` of one slice. ``ready`` raises ``ModelUnavailable`` where a request would not be sent anyway: no money is set aside."""

    def __init__(self, inner: Sender, journal: Journal, answers: Answers, terms: Terms, *, ready: Callable[[ModelCall], None]) -> None:
        self._inner = inner
        self._journal = journal
        self._answers = answers
        self._terms = terms
        self._ready = ready

    def send(self, call: ModelCall) -> ModelAnswer:
        """The answer, stored and paid. Raises ``BudgetRefused``, ``ModelUnavailable``, ``RequestFailed``, ``StaleEpoch``."""
        self._ready(call)
        row = self._journal.send(call, self._terms)
        if row.state is not RowState.SENT:
            return self._answers.of(row)
        reached("model.sent", call.prompt.id)
        answer = self._request(call, row)
        reached("model.received", call.prompt.id)
        answer = replace(answer, cost_micro_usd=_cost(answer, call))
        stored = self._answers.put(row, answer)
        reached("model.stored", call.prompt.id)
        paid = self._journal.answer(row, answer, stored, payer=self._terms.payer)
        reached("model.answered", call.prompt.id)
        return self._answers.of(paid)

    def _request(self, call: ModelCall, row: JournalRow) -> ModelAnswer:
        payer = self._terms.payer
        try:
            return self._inner.send(call)
        except RequestFailed as failed:
            end = self._journal.fail if failed.failure.unpaid else self._journal.lose
            end(row, f"{failed.failure}: {failed.message}", payer=payer)
            raise
        except (BadInput, ModelUnavailable) as error:  # nothing was sent: the circuit opened meanwhile, or a script has no such answer
            self._journal.fail(row, error.message, payer=payer)
            raise
        except Exception as error:  # a defect: whatever it is, the request may be on its way
            self._journal.lose(row, f"{type(error).__name__}: {error}", payer=payer)
            raise


def _cost(answer: ModelAnswer, call: ModelCall) -> int:
    """What an answer is settled at: its price, or the bound where the provider did not say what it counted."""
    return answer.usage.cost_micro_usd(call.model.price) if answer.usage is not None else call.bound_micro_usd
