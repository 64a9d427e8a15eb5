"""The link that answers from the journal, so that no answer is bought twice: not by a slice that is run again, not by any other way."""

from __future__ import annotations

from shared.models.answers import Answers
from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.models.journal import Journal


class Remember:
    """A ``Sender`` that asks the next one only what has no stored answer."""

    def __init__(self, inner: Sender, journal: Journal, answers: Answers) -> None:
        self._inner = inner
        self._journal = journal
        self._answers = answers

    def send(self, call: ModelCall) -> ModelAnswer:
        """The stored answer, also one that was rejected (it is rejected again); else the next link's. Raises ``JournalMismatch``."""
        row = self._journal.answered(call)
        return self._answers.of(row) if row is not None else self._inner.send(call)
