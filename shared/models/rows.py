"""What is stored of physical requests (``journal``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from schemas.base import MicroUsd, Sha256, Timestamp
from schemas.mission import Tier
from shared.artifacts import SCHEME
from shared.documents import Ref
from shared.errors import IllegalTransition
from shared.ledger.accounts import Account
from shared.ledger.records import Held
from shared.missions.records import JOURNAL, slice_id
from shared.models.calls import CallKey, CallUsage
from shared.record import Record

_ANSWER = re.compile(r"missions/(?P<mission>[^/]+)/answers/(?P<call>[^/]+/[0-9]+/[0-9]+/[^/]+/[0-9]+)-(?P<send>[0-9]+)\.json")


class RowState(StrEnum):
    """What became of a physical request.

    SENT -> ANSWERED -> REJECTED, SENT -> FAILED, SENT -> UNKNOWN. Only SENT has money set aside; every other state is settled.
    """

    SENT = "SENT"
    """It may be on its way: committed before the request, together with its reservation."""
    ANSWERED = "ANSWERED"
    """The answer is stored, and paid."""
    REJECTED = "REJECTED"
    """The answer is stored and paid, but did not fit what was asked for."""
    FAILED = "FAILED"
    """The provider did no work: nothing is charged."""
    UNKNOWN = "UNKNOWN"
    """No answer, and no certainty that no work was done: charged at its bound."""

    @property
    def has_answer(self) -> bool:
        """Whether an answer is stored, which is never bought again."""
        return self in (RowState.ANSWERED, RowState.REJECTED)


_ARROWS: Mapping[RowState, frozenset[RowState]] = {
    RowState.SENT: frozenset({RowState.ANSWERED, RowState.FAILED, RowState.UNKNOWN}),
    RowState.ANSWERED: frozenset({RowState.REJECTED}),
}


class JournalRow(Record):
    """One physical request. ``send`` counts the requests of one call (``key``); ``run`` is the run of the slice that sent it."""

    key: str
    slice_id: str
    mission_id: str
    account: Account
    attempt: int
    seq: int
    role: str
    ordinal: int
    send: int
    run: int
    state: RowState = RowState.SENT
    model: str
    """As a user writes it: ``google:NAME``."""
    answered_by: str = ""
    """The model as the provider named it."""
    tier: Tier
    prompt_id: str
    prompt_version: int
    prompt_sha256: Sha256
    request_sha256: Sha256
    bound_micro_usd: MicroUsd
    cost_micro_usd: MicroUsd = 0
    day: str
    """The UTC day whose cap the money counts against."""
    held: Held = "day"
    """Where the day's part of the money is set aside; an earlier version, which does not say so, set it aside in the day's document."""
    overrun: bool = False
    """The answer cost more than its bound."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """Tokens as the provider counted them; ``None`` where it did not say."""
    answer_uri: str | None = None
    answer_sha256: Sha256 | None = None
    job: str | None = None
    """The provider's name of a job that works on in the background: it outlives the slice that began it, and keeps its reservation."""
    error: str = ""
    """Why there is no answer, or why it was rejected."""
    sent_at: Timestamp
    ended_at: Timestamp | None = None

    @property
    def ref(self) -> Ref:
        """Where the row is stored."""
        return Ref(JOURNAL, f"{self.key}:{self.send}")

    @property
    def usage(self) -> CallUsage | None:
        """What the provider counted."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return CallUsage(self.input_tokens, self.output_tokens, self.cached_tokens or 0)

    @property
    def answer_key(self) -> str:
        """The artifact key of this request's answer: known before it is sent, so that an answer is found whatever died after it."""
        call = f"{self.account}/{self.attempt}/{self.seq}/{self.role}"
        return f"missions/{self.mission_id}/answers/{call}/{self.ordinal}-{self.send}.json"

    def moved(self, state: RowState) -> None:
        """Raise ``IllegalTransition`` unless the row may go to ``state``."""
        if state not in _ARROWS.get(self.state, frozenset()):
            raise IllegalTransition(f"The request {self.ref.id} is {self.state} and cannot become {state}.")


def row_of_answer(uri: str) -> Ref | None:
    """Where the row is stored whose ``answer_key`` this is; ``None`` for an artifact that is no answer."""
    found = _ANSWER.fullmatch(uri.removeprefix(SCHEME))
    return Ref(JOURNAL, f"{found['mission']}:{found['call'].replace('/', ':')}:{found['send']}") if found else None


def slice_of(key: CallKey) -> str:
    """The id of the slice that a call belongs to."""
    return slice_id(key.mission_id, key.account, key.attempt, key.seq)
