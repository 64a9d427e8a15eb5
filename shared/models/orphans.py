"""Requests that nobody waits for any more: their process died, or their mission ends. Each is charged at its bound, once."""

from __future__ import annotations

from shared.crash_points import reached
from shared.errors import StaleEpoch
from shared.ledger.ledger import Payer
from shared.models.answers import Answers
from shared.models.journal import Journal
from shared.models.rows import JournalRow

_WHY = "the process that sent it is gone, or was told to stop, before an answer was stored"


class Orphans:
    """Settles what was left SENT."""

    def __init__(self, journal: Journal, answers: Answers) -> None:
        self._journal = journal
        self._answers = answers

    def close_slice(self, slice_id: str, *, cap_micro_usd: int) -> int:
        """Settle what earlier runs of a slice left open; how many requests. To be called once only the present run may send.

        A job that is known by its name is no orphan: the slices go on with it.
        """
        return self._close([row for row in self._journal.open_rows(slice_id=slice_id) if row.job is None], cap_micro_usd)

    def close_calls(self, mission_id: str, *, cap_micro_usd: int) -> int:
        """Settle what a mission has open but for jobs, which a late track may go on with; how many requests."""
        return self._close([row for row in self._journal.open_rows(mission_id=mission_id) if row.job is None], cap_micro_usd)

    def close_mission(self, mission_id: str, *, cap_micro_usd: int) -> int:
        """Settle all that a mission has open; how many requests."""
        return self._close(self._journal.open_rows(mission_id=mission_id), cap_micro_usd)

    def jobs_of(self, mission_id: str) -> list[JournalRow]:
        """The jobs of a mission that have not ended."""
        return [row for row in self._journal.open_rows(mission_id=mission_id) if row.job is not None]

    def _close(self, rows: list[JournalRow], cap_micro_usd: int) -> int:
        for row in rows:
            payer = Payer(row.mission_id, row.account, cap_micro_usd)
            try:
                self._settle(row, payer)
            except StaleEpoch:
                continue  # its own process has settled it in the meantime
        return len(rows)

    def _settle(self, row: JournalRow, payer: Payer) -> None:
        found = self._answers.left_behind(row)
        if found is None:
            self._journal.lose(row, _WHY, payer=payer)
            return
        stored, answer = found
        self._journal.answer(row, answer, stored, payer=payer)
        reached("model.answered", row.prompt_id)
