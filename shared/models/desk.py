"""``Models``, carried out: numbers a slice's calls, reads the answers, and has what does not fit done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.evidence import Usage
from schemas.mission import Tier
from shared.errors import AnswerRejected, NoModelAnswer
from shared.ledger.accounts import Account
from shared.models.asking import Check
from shared.models.calls import CallKey, Correction, ModelAnswer, ModelCall, ModelSpec, Sender
from shared.models.flags import flags_of
from shared.models.prompts import PromptValue, clean
from shared.models.reading import read_answer
from shared.models.roles import ModelRole
from shared.times import MAX_ANSWERS

if TYPE_CHECKING:
    from shared.documents import Json

OutputT = TypeVar("OutputT", bound=BaseModel)
PARALLEL = 4
"""Questions of a fan-out that are on their way at the same time."""
_SHOWN_PROBLEMS = 5
_REMEMBERED_CHARS = 4_000
_TOLD_CHARS = 1_000

Reject = Callable[[CallKey, str], None]
"""Records that the answer of a call did not fit, and why."""


Spent = Callable[[], Usage]
"""What the slice has consumed, in all of its runs."""


class Desk:
    """The models of one slice. ``choose`` gives the model of a role; ``spent`` is asked for the usage where there is a journal."""

    def __init__(
        self,
        sender: Sender,
        *,
        choose: Callable[[str], ModelSpec],
        reject: Reject,
        tier: Tier,
        mission_id: str,
        account: Account,
        attempt: int,
        seq: int,
        spent: Spent | None = None,
        parallel: int = PARALLEL,
    ) -> None:
        self._sender = sender
        self._choose = choose
        self._reject = reject
        self._tier = tier
        self._of = (mission_id, account, attempt, seq)
        self._asked: dict[str, int] = {}
        self._usage = Usage()
        self._spent = spent
        self._parallel = parallel
        self._flags: dict[str, None] = {}
        self._lock = Lock()

    @property
    def tier(self) -> Tier:
        """See ``Models.tier``."""
        return self._tier

    def usage(self) -> Usage:
        """See ``Models.usage``."""
        if self._spent is not None:
            return self._spent()
        with self._lock:
            return self._usage

    def flags(self) -> tuple[str, ...]:
        """What a reader of the report has to know of what was asked here, and of what brought no answer."""
        with self._lock:
            return tuple(self._flags)

    def ask(self, role: ModelRole[OutputT], variables: Mapping[str, PromptValue], *, check: Check[OutputT] | None = None) -> OutputT:
        """See ``Models.ask``."""
        return self._answer(role, variables, check, number=self._number(role.name, 1))

    def ask_each(
        self, role: ModelRole[OutputT], variables: Sequence[Mapping[str, PromptValue]], *, check: Check[OutputT] | None = None
    ) -> list[OutputT | NoModelAnswer]:
        """See ``Models.ask_each``."""
        first = self._number(role.name, len(variables))

        def one(at: int) -> OutputT | NoModelAnswer:
            try:
                return self._answer(role, variables[at], check, number=first + at)
            except NoModelAnswer as error:
                return error

        with ThreadPoolExecutor(self._parallel, thread_name_prefix="kimera-ask") as pool:
            asked = [pool.submit(copy_context().run, one, at) for at in range(len(variables))]
            return [future.result() for future in asked]

    def _number(self, role: str, count: int) -> int:
        """The number of the first of ``count`` questions to a role; they are given out in the order of the code, not of the threads."""
        with self._lock:
            first = self._asked.get(role, 0)
            self._asked[role] = first + count
            return first

    def _answer(
        self, role: ModelRole[OutputT], variables: Mapping[str, PromptValue], check: Check[OutputT] | None, *, number: int
    ) -> OutputT:
        try:
            return self._fitting_answer(role, variables, check, number=number)
        except NoModelAnswer as error:
            with self._lock:
                self._flags.update(dict.fromkeys(flags_of(error)))
            raise

    def _fitting_answer(
        self, role: ModelRole[OutputT], variables: Mapping[str, PromptValue], check: Check[OutputT] | None, *, number: int
    ) -> OutputT:
        prompt = role.prompt.render(variables)
        schema: dict[str, Json] = role.output.model_json_schema()
        model = self._choose(role.name)
        corrections: tuple[Correction, ...] = ()
        for attempt in range(MAX_ANSWERS):  # each takes an ordinal of its own
            call = ModelCall(
                key=CallKey(*self._of, role.name, number * MAX_ANSWERS + attempt + 1),
                model=model,
                prompt=prompt,
                output_name=role.output.__name__,
                output_schema=schema,
                max_output_tokens=min(role.max_output_tokens, model.max_output_tokens),
                corrections=corrections,
            )
            answer = self._sender.send(call)
            self._count(answer)
            try:
                return _fitting(role, answer, check)
            except ValueError as wrong:
                problem = told(wrong, answer, call)
                self._reject(call.key, problem)
                corrections = (*corrections, Correction(clean(answer.text[:_REMEMBERED_CHARS]), problem))
        raise AnswerRejected(f"{model.label} gave {MAX_ANSWERS} answers as {role.name}, and none of them fits: {corrections[-1].problem}")

    def _count(self, answer: ModelAnswer) -> None:
        with self._lock:
            self._flags.update(dict.fromkeys(answer.flags))
            self._usage = Usage(
                calls=self._usage.calls + 1,
                input_tokens=self._usage.input_tokens + (answer.usage.input_tokens if answer.usage else 0),
                output_tokens=self._usage.output_tokens + (answer.usage.output_tokens if answer.usage else 0),
                cost_micro_usd=self._usage.cost_micro_usd + answer.cost_micro_usd,
            )


def _fitting(role: ModelRole[OutputT], answer: ModelAnswer, check: Check[OutputT] | None) -> OutputT:
    """The answer in its type; raises ``ValueError`` (pydantic's is one) with what does not fit."""
    if role.prompt.canary in answer.text:
        raise ValueError("the answer repeats the mark of its instructions")
    output = read_answer(role.output, answer.text)
    if check is not None:
        check(output)
    return output


def told(wrong: ValueError, answer: ModelAnswer, call: ModelCall) -> str:
    """What is wrong, as the model is told: one line of bounded length, for it may name what the answer held."""
    cut = f"it was cut short at the limit of {call.max_output_tokens:,} tokens; " if answer.cut_short else ""
    return " ".join(clean(cut + _problem(wrong)).split())[:_TOLD_CHARS]


def _problem(wrong: ValueError) -> str:
    if not isinstance(wrong, ValidationError):
        return str(wrong)
    errors = wrong.errors(include_url=False, include_input=False)[:_SHOWN_PROBLEMS]
    return "; ".join(f"{'.'.join(str(part) for part in error['loc']) or 'the answer'}: {error['msg']}" for error in errors)
