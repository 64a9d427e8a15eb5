"""A hand-written script in a model's place: answers by role, in order. What it says is marked as scripted.

scripted: what this script is for
answers:
  - role: planner
    answer: {steps: [...]}          # JSON, or the text as a model would send it
  - role: planner
    answer: {steps: [...]}
    contains: the refund column     # optional: this request has to hold this text, or the script does not fit
    usage: {input_tokens: 900, output_tokens: 120}
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue, ValidationError

from schemas.base import Contract
from shared.counted import counted
from shared.errors import BadInput
from shared.models.calls import CallKey, CallUsage, ModelAnswer, ModelCall
from shared.models.flags import SCRIPTED

_BYTES_PER_TOKEN = 4


class ScriptedUsage(Contract):
    """Tokens that an answer is said to have taken."""

    input_tokens: int
    output_tokens: int


class ScriptedAnswer(Contract):
    """One answer of a role."""

    role: str
    answer: JsonValue
    contains: str | None = None
    usage: ScriptedUsage | None = None


class Script(Contract):
    """A script file. ``scripted`` says what it is for."""

    scripted: str
    answers: tuple[ScriptedAnswer, ...]


def load_script(path: Path) -> Script:
    """The script in ``path``; raises ``BadInput`` with what is wrong with it."""
    import yaml

    from shared.yaml_keys import UniqueKeys

    try:
        return Script.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeys))  # noqa: S506 - a SafeLoader
    except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise BadInput(f"The script {path} cannot be used: {error}", remedy="See the head of shared/models/scripting.py.") from error


class ScriptedSender:
    """Answers from a script; ``before`` says how many calls of the key's role the mission has had answered already."""

    def __init__(self, script: Script, before: Callable[[CallKey], int]) -> None:
        self._script = script
        self._before = before

    def send(self, call: ModelCall) -> ModelAnswer:
        """The role's next answer. A request that the script has none for, or another one than it expects, is a ``BadInput``."""
        place = self._before(call.key)
        mine = [answer for answer in self._script.answers if answer.role == call.key.role]
        if place >= len(mine):
            raise BadInput(f"The script has {counted(len(mine), 'answer')} for {call.key.role}, and this is call {place + 1}: {call.key}.")
        chosen = mine[place]
        if chosen.contains is not None and chosen.contains not in call.prompt.user:
            raise BadInput(f"Answer {place + 1} of {call.key.role} in the script is for a request with {chosen.contains!r}: {call.key}.")
        text = chosen.answer if isinstance(chosen.answer, str) else json.dumps(chosen.answer, ensure_ascii=False)
        usage = CallUsage(call.size_bytes // _BYTES_PER_TOKEN, max(1, len(text.encode()) // _BYTES_PER_TOKEN))
        if chosen.usage is not None:
            usage = CallUsage(chosen.usage.input_tokens, chosen.usage.output_tokens)
        return ModelAnswer(text, usage, SCRIPTED, flags=(SCRIPTED,))
