"""Models for tests of the research track that answer by what they are asked, whatever the order of a fan-out: the real desk over them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from shared.errors import ModelUnavailable, NoModelAnswer
from shared.models.calls import CallUsage, ModelAnswer, ModelCall
from tests.support.models import Scripted

Player = Callable[[ModelCall], object]
"""What a role answers to a call: anything that JSON can say, or the error that comes instead."""
COST = 7
_BLOCK = re.compile(r'<data name="(?P<name>[^"]+)">\n(?P<text>.*?)\n</data>', re.DOTALL)


class Players(Scripted):
    """A desk over these players."""

    def __init__(self, *, planner: Player, reader: Player, auditor: Player, synthesizer: Player) -> None:
        super().__init__(account="deep_research")
        self._players: Mapping[str, Player] = {"planner": planner, "reader": reader, "auditor": auditor, "synthesizer": synthesizer}
        self._calls_lock = Lock()

    def send(self, call: ModelCall) -> ModelAnswer:
        """The answer of the call's role."""
        with self._calls_lock:
            self.calls.append(call)
        found = self._players[call.key.role](call)
        if isinstance(found, NoModelAnswer):
            raise found
        return ModelAnswer(json.dumps(found), CallUsage(100, 10), "scripted", COST)

    def asked(self, role: str) -> list[ModelCall]:
        """The calls of one role, in the order of their keys."""
        calls = [call for call in self.calls if call.key.role == role]
        return sorted(calls, key=lambda call: (call.key.seq, call.key.ordinal))


def block(call: ModelCall, name: str) -> str:
    """The text of one data block of a request."""
    return next(found["text"] for found in _BLOCK.finditer(call.prompt.user) if found["name"] == name)


def listed(call: ModelCall, name: str) -> list[dict[str, Any]]:
    """The entries of a data block that holds a list."""
    entries: list[dict[str, Any]] = json.loads(block(call, name))
    return entries


def away(call: ModelCall) -> object:
    """A provider that does not answer."""
    return ModelUnavailable("The provider is away.")


def no_plan(call: ModelCall) -> object:
    """A planner that adds nothing."""
    return {"parts": []}


def reads(claims: Mapping[str, str], *, answered: str = "fully", nature: str = "fact") -> Player:
    """A reader that states a claim for each quote (key) that one of its passages holds."""

    def play(call: ModelCall) -> object:
        found = [
            {"passage": passage["id"], "quote": quote, "claim": claim, "nature": nature}
            for passage in listed(call, "passages")
            for quote, claim in claims.items()
            if quote in " ".join(passage["text"].split())
        ]
        return {"claims": found, "answered": answered if found else "no", "leads": []}

    return play


def judges(verdict: str, *, same_as: str = "") -> Player:
    """An auditor that says the same of every claim."""
    return lambda call: {"verdicts": [{"claim": c["id"], "verdict": verdict, "same_as": same_as} for c in listed(call, "claims")]}


def concludes(status: str = "answered", **more: object) -> Player:
    """A synthesizer with this status, sure of everything."""
    return lambda call: {"status": status, "claims": [{"claim": c["id"], "confidence": "high"} for c in listed(call, "claims")], **more}
