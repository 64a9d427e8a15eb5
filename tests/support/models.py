"""A slice's models for tests of a track: the real desk over a script. Its whole chain is tested where the chain is."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from schemas.mission import Tier
from shared.ledger.accounts import Account
from shared.models.calls import CallKey, ModelAnswer, ModelCall, ModelSpec, Price
from shared.models.desk import Desk, Spent
from shared.models.scripting import Script, ScriptedAnswer, ScriptedSender

SPEC = ModelSpec("openai", "scripted", Price(Decimal(1), Decimal(4)))


class Scripted:
    """A desk over these answers, by role in order. ``calls`` is what the models were asked; ``rejected`` what did not fit."""

    def __init__(self, *answers: ScriptedAnswer, account: Account = "ds_star") -> None:
        self.calls: list[ModelCall] = []
        self.rejected: list[tuple[CallKey, str]] = []
        self._given: Counter[str] = Counter()
        self._account = account
        self._sender = ScriptedSender(Script(scripted="test", answers=answers), lambda key: self._given[key.role])

    def send(self, call: ModelCall) -> ModelAnswer:
        self.calls.append(call)
        answer = self._sender.send(call)
        self._given[call.key.role] += 1
        return answer

    def desk(self, seq: int = 0, *, tier: Tier = Tier.STANDARD, spent: Spent | None = None) -> Desk:
        """The models of slice ``seq``; the script goes on where the slice before left it."""
        return Desk(
            self,
            choose=lambda role: SPEC,
            reject=lambda key, why: self.rejected.append((key, why)),
            tier=tier,
            mission_id="m_1",
            account=self._account,
            attempt=1,
            seq=seq,
            spent=spent,
        )
